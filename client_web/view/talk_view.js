/** @import { Messages } from "../page/messages.js" */
/** @import { Line } from "../page/talk_log.js" */

const NEAR_END_PX = 60; // who has scrolled further up is reading, and is left alone

/** The conversation in writing: what the visitor and the portrait said. */
export class TalkView {
  #elements;
  #messages;
  /** @type {Map<number, HTMLElement>} */
  #shown = new Map();

  /**
   * @param {{panel: HTMLElement, list: HTMLElement, empty: HTMLElement,
   *     opener: HTMLButtonElement, closer: HTMLButtonElement}} elements
   * @param {Messages} messages
   */
  constructor(elements, messages) {
    this.#elements = elements;
    this.#messages = messages;
    elements.opener.addEventListener("click", () => this.open(!this.isOpen));
    elements.closer.addEventListener("click", () => {
      this.open(false);
      elements.opener.focus();
    });
  }

  get isOpen() {
    return !this.#elements.panel.hidden;
  }

  /** @param {boolean} open */
  open(open) {
    const { panel, opener, list } = this.#elements;
    panel.hidden = !open;
    document.body.toggleAttribute("data-talk", open);
    opener.setAttribute("aria-expanded", String(open));
    if (open) {
      opener.removeAttribute("data-unread");
      list.scrollTop = list.scrollHeight;
    }
  }

  /** @param {Line | null} line new or changed */
  show(line) {
    if (!line) return;
    const { list, empty, opener } = this.#elements;
    const follows = list.scrollHeight - list.scrollTop - list.clientHeight < NEAR_END_PX;
    let item = this.#shown.get(line.id);
    if (!item) {
      item = this.#make(line);
      this.#shown.set(line.id, item);
      list.append(item);
      empty.hidden = true;
      if (!this.isOpen) opener.toggleAttribute("data-unread", true);
    }
    const said = /** @type {HTMLElement} */ (item.lastElementChild);
    said.textContent = line.text;
    item.toggleAttribute("data-open", !line.settled);
    item.hidden = line.text === "";
    if (follows) list.scrollTop = list.scrollHeight;
  }

  /** @param {Line} line */
  #make({ who }) {
    const item = document.createElement("li");
    item.className = who;
    const name = document.createElement("span");
    name.className = "unseen";
    name.textContent = this.#messages.say(who === "visitor" ? "you" : "portraitSpeaker");
    const said = document.createElement("p");
    said.dir = "auto";
    item.append(name, said);
    return item;
  }
}
