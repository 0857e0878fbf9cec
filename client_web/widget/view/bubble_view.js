import { build, icon, name } from "./build.js";

/** @import { Strings } from "../strings.js" */

/** The bubble that opens the panel. */
export class BubbleView {
  #picture = build("img", { alt: "", decoding: "async", hidden: true });
  element = build("button", {
    type: "button", class: "bubble", part: "bubble", "aria-haspopup": "dialog", "aria-expanded": "false",
  }, [icon("talk"), this.#picture]);

  /** @param {() => void} onOpen */
  constructor(onOpen) {
    this.element.addEventListener("click", onOpen);
    this.#picture.addEventListener("load", () => (this.#picture.hidden = false));
    this.#picture.addEventListener("error", () => (this.#picture.hidden = true));
  }

  /**
   * @param {Strings} strings
   * @param {{name: string, picture: string}} whom
   */
  show(strings, whom) {
    name(this.element, strings.say("openChat", { name: whom.name }));
    if (this.#picture.getAttribute("src") === whom.picture) return;
    this.#picture.hidden = true;
    if (whom.picture) this.#picture.src = whom.picture;
    else this.#picture.removeAttribute("src");
  }

  /** @param {boolean} open */
  setOpen(open) {
    this.element.hidden = open;
    this.element.setAttribute("aria-expanded", String(open));
  }
}
