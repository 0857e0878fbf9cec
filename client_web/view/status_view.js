/** @import { Messages } from "../page/messages.js" */
/** @import { Phase } from "../likeness/types.js" */

/** The connection's state, and whether the portrait speaks, in plain words. */
export class StatusView {
  #elements;
  #messages;
  /** @type {Phase} */
  #phase = "connecting";
  #speaking = false;

  /**
   * @param {{body: HTMLElement, text: HTMLElement}} elements
   * @param {Messages} messages
   */
  constructor(elements, messages) {
    this.#elements = elements;
    this.#messages = messages;
  }

  /** @param {Phase} phase */
  setPhase(phase) {
    this.#phase = phase;
    if (phase !== "live") this.#speaking = false;
    this.#show();
  }

  /** @param {boolean} speaking */
  setSpeaking(speaking) {
    this.#speaking = speaking;
    this.#show();
  }

  #show() {
    const { body, text } = this.#elements;
    body.dataset.phase = this.#phase;
    body.toggleAttribute("data-speaking", this.#speaking);
    text.textContent = this.#messages.say(this.#speaking ? "speaking" : this.#phase);
  }
}
