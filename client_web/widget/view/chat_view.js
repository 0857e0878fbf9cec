import { build } from "./build.js";

/** @import { Line } from "../../page/talk_log.js" */
/** @import { Strings } from "../strings.js" */

const NEAR_PX = 60; // of the end: who has scrolled further up is reading, and left alone
const MOST_LINES = 200;

/** What both have said, and before that, what could be asked. */
export class ChatView {
  #lines = build("ol", { class: "lines", role: "list" });
  #welcome = build("p", { class: "welcome" });
  #questions = build("div", { class: "questions" });
  element = build("div", { class: "chat", part: "chat", tabindex: "0", role: "region" }, [
    this.#welcome, this.#questions, this.#lines,
  ]);
  /** @type {Map<number, HTMLLIElement>} */
  #shown = new Map();
  #onQuestion;
  #you = "";

  /** @param {(text: string) => void} onQuestion */
  constructor(onQuestion) {
    this.#onQuestion = onQuestion;
  }

  /**
   * @param {Strings} strings
   * @param {{name: string, questions: string[]}} what
   */
  show(strings, { name, questions }) {
    this.element.setAttribute("aria-label", strings.say("conversation"));
    this.#you = strings.say("you");
    this.#welcome.textContent = strings.say("welcome");
    this.element.dataset.name = name;
    this.#questions.replaceChildren(
      ...questions.map((text) => {
        const button = build("button", { type: "button", class: "chip", dir: "auto" }, [text]);
        button.addEventListener("click", () => this.#onQuestion(text));
        return button;
      }),
    );
    this.#settle();
  }

  /** @param {Line} line that is new or has changed */
  put(line) {
    const near = this.#isAtEnd;
    let item = this.#shown.get(line.id);
    if (!item) {
      const who = line.who === "visitor" ? this.#you : `${this.element.dataset.name}:`;
      item = build("li", { class: line.who }, [
        build("span", { class: "unseen" }, [who]), build("p", { dir: "auto" }),
      ]);
      this.#shown.set(line.id, item);
      this.#lines.append(item);
      this.#forget();
    }
    const text = /** @type {HTMLElement} */ (item.lastElementChild);
    if (text.textContent !== line.text) text.textContent = line.text;
    item.hidden = line.text === "";
    item.classList.toggle("open", !line.settled);
    this.#settle();
    if (near || line.who === "visitor") this.element.scrollTop = this.element.scrollHeight;
  }

  get #isAtEnd() {
    const { scrollTop, scrollHeight, clientHeight } = this.element;
    return scrollHeight - clientHeight - scrollTop < NEAR_PX;
  }

  #settle() {
    const begun = this.#shown.size > 0;
    this.#welcome.hidden = begun;
    this.#questions.hidden = begun || !this.#questions.childElementCount;
  }

  #forget() {
    if (this.#shown.size <= MOST_LINES) return;
    const [[id, item]] = this.#shown;
    item.remove();
    this.#shown.delete(id);
  }
}
