/** @import { Messages } from "../page/messages.js" */
/** @import { Phase } from "../likeness/types.js" */

/** The connection's state, and what the portrait does, in plain words. */
export class StatusView {
  #elements;
  #messages;
  /** @type {Phase} */
  #phase = "connecting";
  #state = "idle";

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
    if (phase !== "live") this.#state = "idle";
    this.#show();
  }

  /** @param {string} state of session.state: idle, listening, thinking, speaking */
  setState(state) {
    this.#state = state;
    this.#show();
  }

  #show() {
    const { body, text } = this.#elements;
    body.dataset.phase = this.#phase;
    body.toggleAttribute("data-speaking", this.#state === "speaking");
    body.dataset.state = this.#state;
    const active = ["listening", "thinking", "speaking"].includes(this.#state);
    text.textContent = this.#messages.say(active ? this.#state : this.#phase);
  }
}
