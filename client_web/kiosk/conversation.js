import { Likeness } from "../likeness.js";
import { Microphone } from "../likeness/microphone.js";

/** @import { AvatarEvent, Caption, Phase } from "../likeness/types.js" */
/** @import { KioskConfig, KioskEvent, Tongue } from "./types.js" */

const TAIL_MS = 500; // the last sound is still in the browser's buffer
const BUSY = ["speaking", "thinking"];

/**
 * @typedef {object} ConversationListener
 * @property {(event: KioskEvent) => void} onKiosk
 * @property {(phase: Phase) => void} onPhase
 * @property {(event: AvatarEvent) => void} onEvent
 * @property {(caption: Caption) => void} onCaption
 * @property {(level: number) => void} onLevel of the microphone, 0 to 1
 * @property {(blocked: boolean) => void} onBlocked the browser wants a touch first
 */

/** One visit's session, from its greeting to its farewell. Used once, then forgotten. */
export class Conversation {
  #config;
  #tongue;
  #listener;
  #likeness;
  #microphone = new Microphone(() => this.#likeness.setMicrophone(null));
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #meter;
  #farewell = "";
  #over = false;

  /**
   * @param {KioskConfig} config
   * @param {Tongue} tongue
   * @param {HTMLVideoElement} video
   * @param {ConversationListener} listener
   */
  constructor(config, tongue, video, listener) {
    this.#config = config;
    this.#tongue = tongue;
    this.#listener = listener;
    this.#likeness = makeLikeness(config, tongue, tongue.greeting);
    this.#listen();
    this.#likeness.attach(video);
  }

  /** Ask for a session, and keep asking. */
  open() {
    // A refusal comes as an event too, and it goes on trying where that makes sense.
    this.#likeness.connect().catch(() => {});
  }

  /** Give the session back. Nothing of the visit is left here. */
  close() {
    this.#over = true;
    this.#dropMicrophone();
    this.#likeness.close();
  }

  /** Something has changed for the better: try at once. */
  nudge() {
    this.#likeness.nudge();
  }

  /** Sound may be played now; in the handler of a touch. */
  unmute() {
    this.#likeness.unmute();
  }

  /** @param {string} question */
  ask(question) {
    this.#likeness.respond(question);
  }

  /**
   * Go on in another language.
   * @param {Tongue} tongue
   */
  setTongue(tongue) {
    this.#tongue = tongue;
    this.#likeness.interrupt();
    this.#likeness.setManner({ language: tongue.tag, ...(tongue.voice && { voice: tongue.voice }) });
    this.#likeness.speak(tongue.greeting);
  }

  /** Say farewell; `farewell-said` follows, when it was heard. */
  sayFarewell() {
    this.#dropMicrophone(); // it would not let itself be talked out of going
    this.#likeness.interrupt();
    if (this.#tongue.farewell) this.#farewell = this.#likeness.speak(this.#tongue.farewell);
    else this.#listener.onKiosk({ type: "farewell-said" });
  }

  #listen() {
    const { onPhase, onEvent, onCaption, onBlocked } = this.#listener;
    /** @type {[string, (detail: any) => void][]} */
    const all = [
      ["phase", (phase) => onPhase(phase)],
      ["phase", (phase) => this.#follow(phase)],
      ["event", (event) => onEvent(event)],
      ["event", (event) => this.#receive(event)],
      ["caption", (caption) => onCaption(caption)],
      ["sound", ({ blocked }) => onBlocked(blocked)],
    ];
    for (const [name, react] of all) {
      this.#likeness.addEventListener(name, (event) => {
        if (!this.#over) react(/** @type {CustomEvent} */ (event).detail);
      });
    }
  }

  /** @param {Phase} phase */
  #follow(phase) {
    if (phase === "live") this.#listener.onKiosk({ type: "live" });
    else if (phase === "closed") this.#listener.onKiosk({ type: "over" });
    else if (phase !== "connecting") this.#listener.onKiosk({ type: "lost" });
  }

  /** @param {AvatarEvent} event */
  #receive(event) {
    const { onKiosk } = this.#listener;
    switch (event.type) {
      case "session.state":
        onKiosk({ type: "speaking", on: BUSY.includes(event.state ?? "") });
        break;
      case "user.speech_started":
      case "user.transcript":
        onKiosk({ type: "activity" });
        break;
      case "session.hearing":
        if (event.available) this.#openMicrophone();
        break;
      case "avatar.speech_ended":
      case "avatar.speech_interrupted":
      case "error":
        if (!this.#farewell || event.source_event_id !== this.#farewell) break;
        setTimeout(() => !this.#over && onKiosk({ type: "farewell-said" }), TAIL_MS);
    }
  }

  async #openMicrophone() {
    if (!this.#config.microphone || this.#meter || this.#farewell) return;
    this.#meter = setInterval(() => this.#listener.onLevel(this.#microphone.level), 80);
    try {
      const track = await this.#microphone.open();
      if (this.#meter) await this.#likeness.setMicrophone(track);
      else this.#microphone.close(); // the visit ended meanwhile
    } catch {
      this.#dropMicrophone(); // none, or no leave to use it: there is the screen to touch
    }
  }

  #dropMicrophone() {
    clearInterval(this.#meter);
    this.#meter = undefined;
    this.#likeness.setMicrophone(null);
    this.#microphone.close();
    this.#listener.onLevel(0);
  }
}

/**
 * @param {KioskConfig} config
 * @param {Tongue} tongue
 * @param {string} greeting
 */
export function makeLikeness(config, tongue, greeting) {
  const { key, grant, identity, video, prompt, rules } = config;
  return new Likeness({
    ...(key && { key }),
    ...(grant && { grant: (wish, signal, known) => grantFrom(grant, wish, signal, known) }),
    wish: {
      ...(identity && { identity }),
      ...(tongue.voice && { voice: tongue.voice }),
      ...(video && { video }),
      language: tongue.tag,
      interactivity: "open_mic",
      max_duration_s: rules.maxS + 60,
      persona: { greeting, farewell: "", ...(prompt && { prompt }) },
    },
  });
}

/**
 * A session from the operator's own back end, which holds the key.
 * @param {string} path
 * @param {object} wish
 * @param {AbortSignal} signal
 * @param {string | null} known a session whose token has expired
 */
function grantFrom(path, wish, signal, known) {
  const headers = { "content-type": "application/json" };
  const body = JSON.stringify(known ? { ...wish, session_id: known } : wish);
  return fetch(path, { method: "POST", headers, body, signal });
}
