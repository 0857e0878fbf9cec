/** @import { AvatarEvent } from "../likeness/types.js" */
/** @import { Messages } from "../page/messages.js" */
/** @import { ListeningState } from "../page/listening.js" */

/** The microphone's button, its level, and what the portrait can hear. */
export class MicrophoneView {
  #elements;
  #messages;
  /** @type {AvatarEvent | null} */
  #hearing = null;
  /** @type {ListeningState} */
  #state = "off";

  /**
   * @param {{button: HTMLButtonElement, hint: HTMLElement}} elements
   * @param {Messages} messages
   * @param {() => void} onToggle
   */
  constructor(elements, messages, onToggle) {
    this.#elements = elements;
    this.#messages = messages;
    elements.button.addEventListener("click", () => {
      if (elements.button.getAttribute("aria-disabled") !== "true") onToggle();
    });
    this.#show();
  }

  /** Whether the server listens to the language of this session. */
  get isAvailable() {
    return this.#hearing?.available === true;
  }

  /** @param {AvatarEvent} hearing the event session.hearing */
  setHearing(hearing) {
    this.#hearing = hearing;
    this.#show();
  }

  /** @param {ListeningState} state */
  setState(state) {
    this.#state = state;
    this.#show();
  }

  /** @param {number} level 0 to 1 */
  setLevel(level) {
    this.#elements.button.style.setProperty("--level", level.toFixed(2));
  }

  #show() {
    const { button, hint } = this.#elements;
    const on = this.#state !== "off";
    button.setAttribute("aria-pressed", String(on));
    button.dataset.state = this.#state;
    button.setAttribute("aria-disabled", String(this.#hearing !== null && !this.isAvailable));
    const name = this.#messages.say(on ? "micOff" : "micOn");
    button.setAttribute("aria-label", name);
    button.title = name;
    hint.textContent = this.#hint();
  }

  #hint() {
    if (this.#hearing && !this.isAvailable) return this.#messages.say("micNoEar");
    if (this.#state === "held") return this.#messages.say("micHeld");
    if (this.#state === "open") {
      return this.#messages.say(this.#hearing?.basic ? "micBasic" : "micOpen");
    }
    const touch = matchMedia("(pointer: coarse)").matches;
    return this.#messages.say(touch ? "micHintTouch" : "micHint");
  }
}
