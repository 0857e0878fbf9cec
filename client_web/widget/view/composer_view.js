import { build, icon, iconButton, name } from "./build.js";

/** @import { Strings } from "../strings.js" */

const LIMIT = 2_000; // characters of one question

/** Where a question is written; its button, and the one that interrupts. */
export class ComposerView {
  #text = build("textarea", {
    rows: "1", id: "question", enterkeyhint: "send", autocomplete: "off", maxlength: String(LIMIT), dir: "auto",
  });
  #label = build("label", { for: "question", class: "unseen" });
  #send = build("button", { type: "submit", class: "act primary" }, [icon("send")]);
  #interrupt = iconButton("stop", "act");
  element;
  #onQuestion;

  /**
   * @param {HTMLElement} microphone the button between text and sending
   * @param {(text: string) => void} onQuestion
   * @param {() => void} onInterrupt
   */
  constructor(microphone, onQuestion, onInterrupt) {
    this.#onQuestion = onQuestion;
    this.#interrupt.hidden = true;
    this.element = build("form", { class: "composer", part: "composer" }, [
      this.#label, this.#text, this.#interrupt, microphone, this.#send,
    ]);
    this.element.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.#text.addEventListener("keydown", (event) => {
      // Enter chooses a word in an input method.
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.#submit();
    });
    this.#text.addEventListener("input", () => this.#measure());
    this.#interrupt.addEventListener("click", () => {
      onInterrupt();
      this.focus();
    });
    this.#measure();
  }

  /** @param {Strings} strings */
  show(strings) {
    this.#label.textContent = strings.say("question");
    this.#text.placeholder = strings.say("placeholder");
    name(this.#send, strings.say("send"));
    name(this.#interrupt, strings.say("interrupt"));
  }

  focus() {
    this.#text.focus({ preventScroll: true });
  }

  /** @param {boolean} speaking */
  setSpeaking(speaking) {
    const root = this.element.getRootNode();
    const had = root instanceof ShadowRoot && root.activeElement === this.#interrupt;
    this.#interrupt.hidden = !speaking;
    if (had && !speaking) this.focus();
  }

  #submit() {
    const said = this.#text.value.trim();
    if (!said) return;
    this.#text.value = "";
    this.#measure();
    this.#onQuestion(said);
  }

  #measure() {
    this.#send.disabled = this.#text.value.trim() === "";
  }
}
