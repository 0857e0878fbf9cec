/** @import { Messages } from "../page/messages.js" */
/** @import { Sample } from "../page/samples.js" */

export const TEXT_LIMIT = 20_000; // characters of one utterance
const COUNT_FROM = 0.95; // of the limit

/** @typedef {"ask" | "say"} Mode whether the portrait answers a text or says it */

/** The text box, its buttons, what a text is for, and the sentences to try. */
export class ComposerView {
  #elements;
  #messages;
  #listener;
  #last = "";
  /** @type {Mode} */
  #mode = "ask";

  /**
   * @param {{form: HTMLFormElement, text: HTMLTextAreaElement, counter: HTMLElement,
   *     speak: HTMLButtonElement, interrupt: HTMLButtonElement, samples: HTMLElement,
   *     label: HTMLElement, ask: HTMLInputElement, say: HTMLInputElement}} elements
   * @param {Messages} messages
   * @param {{onText: (text: string, mode: Mode) => void, onInterrupt: () => void,
   *     onSample: (sample: Sample) => void, onMode: (mode: Mode) => void}} listener
   */
  constructor(elements, messages, listener) {
    this.#elements = elements;
    this.#messages = messages;
    this.#listener = listener;
    const { form, text, interrupt } = elements;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    for (const each of [elements.ask, elements.say]) {
      each.addEventListener("change", () => {
        this.setMode(each.value === "say" ? "say" : "ask");
        listener.onMode(this.#mode);
      });
    }
    text.addEventListener("keydown", (event) => this.#key(event));
    text.addEventListener("input", () => this.#measure());
    interrupt.addEventListener("click", () => {
      listener.onInterrupt();
      text.focus();
    });
  }

  get mode() {
    return this.#mode;
  }

  /** @param {Mode} mode */
  setMode(mode) {
    const { ask, say, text, label, speak } = this.#elements;
    this.#mode = mode;
    ask.checked = mode === "ask";
    say.checked = mode === "say";
    const asks = mode === "ask";
    text.placeholder = this.#messages.say(asks ? "askPlaceholder" : "textPlaceholder");
    label.textContent = this.#messages.say(asks ? "askLabel" : "textLabel");
    speak.setAttribute("aria-label", this.#messages.say(asks ? "modeAsk" : "modeSay"));
    speak.title = this.#messages.say(asks ? "modeAsk" : "modeSay");
  }

  /** @param {Sample[]} samples */
  offer(samples) {
    this.#elements.samples.replaceChildren(
      ...samples.map((sample) => {
        const button = document.createElement("button");
        button.type = "button";
        button.className = "sample";
        button.lang = sample.language;
        button.dir = "auto";
        button.textContent = sample.text;
        button.addEventListener("click", () => this.#listener.onSample(sample));
        return button;
      }),
    );
  }

  /** @param {boolean} speaking */
  setSpeaking(speaking) {
    const { interrupt, text } = this.#elements;
    const hadFocus = document.activeElement === interrupt;
    interrupt.hidden = !speaking;
    if (hadFocus && !speaking) text.focus();
  }

  #submit() {
    const { text } = this.#elements;
    const said = text.value.trim();
    if (!said || text.value.length > TEXT_LIMIT) return;
    this.#last = said;
    text.value = "";
    this.#measure();
    this.#listener.onText(said, this.#mode);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const { text } = this.#elements;
    if (event.isComposing) return; // Enter chooses a word in an input method
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      this.#submit();
    } else if (event.key === "ArrowUp" && text.value === "" && this.#last) {
      event.preventDefault();
      text.value = this.#last;
      this.#measure();
    }
  }

  #measure() {
    const { text, counter, speak } = this.#elements;
    const left = TEXT_LIMIT - text.value.length;
    const near = left < TEXT_LIMIT * (1 - COUNT_FROM);
    counter.textContent = near ? String(left) : "";
    counter.title = near ? this.#messages.say("charactersLeft", { count: left }) : "";
    counter.classList.toggle("near", left < 0);
    text.setAttribute("aria-invalid", String(left < 0));
    speak.disabled = left < 0 || text.value.trim() === "";
    if (!CSS.supports("field-sizing", "content")) {
      text.style.height = "auto";
      text.style.height = `${text.scrollHeight}px`;
    }
  }
}
