import { build, iconButton, name } from "./build.js";

/** @import { Strings } from "../strings.js" */

/** What the visitor has to know now: a problem, a hand-over, the end; one at a time. */
export class NoticeView {
  #text = build("p");
  #actions = build("div", { class: "actions" });
  #close = iconButton("close", "bare");
  #body = build("div", { class: "notice", hidden: true }, [this.#text, this.#actions, this.#close]);
  // Always there, or a screen reader would not hear what comes into it.
  element = build("div", { role: "status", class: "notices" }, [this.#body]);

  constructor() {
    this.#close.addEventListener("click", () => this.clear());
  }

  /** @param {Strings} strings */
  show(strings) {
    name(this.#close, strings.say("dismiss"));
  }

  /**
   * @param {string} words
   * @param {{kind?: "problem" | "handover" | "hint", action?: HTMLElement | null}} [how]
   */
  tell(words, { kind = "problem", action = null } = {}) {
    this.#body.dataset.kind = kind;
    this.#text.textContent = words;
    this.#actions.replaceChildren(...(action ? [action] : []));
    this.#actions.hidden = !action;
    this.#body.hidden = false;
  }

  /** @param {"problem" | "handover" | "hint"} [kind] only what is of this kind */
  clear(kind) {
    if (kind && this.#body.dataset.kind !== kind) return;
    this.#body.hidden = true;
    this.#text.textContent = "";
    this.#actions.replaceChildren();
  }
}
