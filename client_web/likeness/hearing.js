import { newId } from "./new_id.js";

/** @import { PeerLink } from "./peer_link.js" */

/** The visitor's voice on its way to the server, across connections. */
export class Hearing {
  /** @type {MediaStreamTrack | null} */
  #track = null;
  /** @type {"open" | "held" | null} */
  #listening = null;
  #link;
  #onLost;
  #onEnd = () => this.#lose();

  /**
   * @param {() => PeerLink | null} link the connection as it is now
   * @param {() => void} onLost the microphone's track has ended
   */
  constructor(link, onLost) {
    this.#link = link;
    this.#onLost = onLost;
  }

  /** @param {MediaStreamTrack | null} track null: none */
  async setMicrophone(track) {
    this.#track?.removeEventListener("ended", this.#onEnd);
    this.#track = track;
    if (track?.readyState === "ended") return this.#lose();
    track?.addEventListener("ended", this.#onEnd);
    await this.#link()?.setMicrophone(track);
  }

  /**
   * @param {boolean} hold
   * @returns {string} the command's event_id
   */
  start(hold) {
    this.#listening = hold ? "held" : "open";
    return this.#tell();
  }

  /** @returns {string} the command's event_id */
  stop() {
    this.#listening = null;
    return this.#tell();
  }

  /** A new connection stands: it knows nothing yet. */
  resume() {
    this.#link()?.setMicrophone(this.#track).catch(() => {}); // it has just gone again
    if (this.#listening) this.#tell();
  }

  #tell() {
    const type = this.#listening ? "avatar.start_listening" : "avatar.stop_listening";
    const hold = this.#listening ? { hold: this.#listening === "held" } : {};
    const message = { type, event_id: newId(), ...hold };
    this.#link()?.send(message); // where there is none, `resume` makes up for it
    return message.event_id;
  }

  async #lose() {
    this.#track = null;
    if (this.#listening) this.stop();
    this.#onLost();
    await this.#link()?.setMicrophone(null);
  }
}
