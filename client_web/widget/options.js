/** @import { Wish } from "../likeness/types.js" */

/** The attributes of the element; README.md in this folder tells what each does. */
export const ATTRIBUTES = /** @type {const} */ ([
  "server", "grant-url", "key", "identity", "language", "voice", "greeting", "name", "picture",
  "position", "theme", "open", "transparent", "captions", "questions", "handover-url", "keep-s",
]);

const LOCAL = /^(localhost|127(\.\d+){3}|\[::1\]|.*\.localhost)$/;
const KEEP_S = 20; // after the panel was closed; who comes back then finds it as it was
const MOST_QUESTIONS = 6;

/** What a page wants of its widget, read from the element's attributes. */
export class Options {
  #element;
  #origin;

  /**
   * @param {Element} element
   * @param {string} ownServer where this script came from
   */
  constructor(element, ownServer) {
    this.#element = element;
    this.#origin = ownServer;
  }

  /** Where the server is: left out, where this script came from. */
  get server() {
    return (this.#text("server") || this.#origin).replace(/\/+$/, "");
  }

  /** The site's own back end, which holds the key and mints sessions. */
  get grantUrl() {
    return this.#text("grant-url");
  }

  /** Only on the developer's own machine: a key in a page is everybody's. */
  get key() {
    const key = this.#text("key");
    if (!key || LOCAL.test(globalThis.location.hostname)) return key || null;
    console.warn("<likeness-avatar>: `key` is ignored away from localhost, where every visitor could read it. Give `grant-url`.");
    return null;
  }

  get name() {
    return this.#text("name");
  }

  /** A picture for the bubble, and until the portrait is there. */
  get picture() {
    return this.#text("picture");
  }

  /** @returns {"en" | "zh"} of the widget's own words */
  get language() {
    const page = this.#element.closest("[lang]")?.getAttribute("lang");
    const wanted = this.#text("language") || page || globalThis.navigator.language;
    return /^(zh|cmn|yue)\b/i.test(wanted) ? "zh" : "en";
  }

  get isTransparent() {
    return this.#element.hasAttribute("transparent");
  }

  get hasCaptions() {
    return this.#text("captions") !== "off";
  }

  /** Things to ask, offered until something has been said. */
  get questions() {
    const each = this.#text("questions").split("|").map((text) => text.trim());
    return each.filter(Boolean).slice(0, MOST_QUESTIONS);
  }

  /** The site's own way to a person: a page, a telephone number, a mail address. */
  get handoverUrl() {
    const url = this.#text("handover-url");
    return /^(https?:|mailto:|tel:|sms:|[/.?#]|[\w-]+(\/|$))/i.test(url) ? url : "";
  }

  /** So many milliseconds is the session kept after the panel was closed. */
  get keepMs() {
    const seconds = Number.parseFloat(this.#text("keep-s"));
    return 1000 * (Number.isFinite(seconds) ? Math.max(0, seconds) : KEEP_S);
  }

  /** @returns {Wish} */
  get wish() {
    const greeting = this.#text("greeting");
    return {
      identity: this.#text("identity") || null,
      voice: this.#text("voice") || null,
      language: this.#text("language") || null,
      video: this.isTransparent ? { background: "alpha" } : null,
      persona: greeting ? { greeting } : null,
    };
  }

  /** @param {(typeof ATTRIBUTES)[number]} name */
  #text(name) {
    return this.#element.getAttribute(name)?.trim() ?? "";
  }
}
