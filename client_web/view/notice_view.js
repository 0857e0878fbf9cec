const SHOWN_MS = 9_000;

/** A sentence that needs to be read: what went wrong, and what to do. */
export class NoticeView {
  #elements;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @param {{notice: HTMLElement, text: HTMLElement, close: HTMLButtonElement}} elements */
  constructor(elements) {
    this.#elements = elements;
    elements.close.addEventListener("click", () => this.clear());
  }

  /**
   * @param {string} message
   * @param {"problem" | "news"} [kind]
   */
  show(message, kind = "problem") {
    clearTimeout(this.#timer);
    this.#elements.notice.dataset.kind = kind;
    this.#elements.text.textContent = message;
    this.#elements.notice.hidden = false;
    this.#timer = setTimeout(() => this.clear(), SHOWN_MS);
  }

  clear() {
    this.#elements.notice.hidden = true;
    this.#elements.text.textContent = "";
  }
}
