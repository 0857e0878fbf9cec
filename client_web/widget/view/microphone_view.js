import { iconButton, name } from "./build.js";

/** @import { AvatarEvent } from "../../likeness/types.js" */
/** @import { ListeningState } from "../../page/listening.js" */
/** @import { Strings } from "../strings.js" */

/** The microphone's button: whether it is on, how loud it is, whether anybody hears. */
export class MicrophoneView {
  element = iconButton("mic", "act mic");
  /** @type {Strings | null} */
  #strings = null;
  /** @type {AvatarEvent | null} */
  #hearing = null;
  /** @type {ListeningState} */
  #state = "off";
  #onHint;

  /**
   * @param {() => void} onToggle
   * @param {(words: string) => void} onHint what is to be read beside it
   */
  constructor(onToggle, onHint) {
    this.#onHint = onHint;
    this.element.addEventListener("click", () => {
      if (this.#isDeaf) onHint(this.#strings?.say("micNoEar") ?? "");
      else onToggle();
    });
  }

  /** @param {Strings} strings */
  show(strings) {
    this.#strings = strings;
    this.#draw();
  }

  /** @param {AvatarEvent} hearing the event `session.hearing` */
  setHearing(hearing) {
    this.#hearing = hearing;
    this.#draw();
  }

  /** @param {ListeningState} state */
  setState(state) {
    this.#state = state;
    this.#draw();
    const key = this.#hearing?.basic ? "micBasic" : "micOpen";
    this.#onHint(state === "off" ? "" : (this.#strings?.say(key) ?? ""));
  }

  /** @param {number} level 0 to 1 */
  setLevel(level) {
    this.element.style.setProperty("--level", level.toFixed(2));
  }

  /** Whether nothing here understands the language of the session. */
  get #isDeaf() {
    return this.#hearing !== null && this.#hearing.available !== true;
  }

  #draw() {
    if (!this.#strings) return;
    const on = this.#state !== "off";
    this.element.setAttribute("aria-pressed", String(on));
    this.element.setAttribute("aria-disabled", String(this.#isDeaf));
    name(this.element, this.#strings.say(on ? "micOff" : "micOn"));
  }
}
