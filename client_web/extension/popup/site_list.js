/** @import { Messages } from "../../page/messages.js" */

/** The sites of meetings that the user added. */
export class SiteList {
  #list;
  #messages;
  #onRemove;

  /**
   * @param {HTMLElement} list
   * @param {Messages} messages
   * @param {(site: string) => void} onRemove
   */
  constructor(list, messages, onRemove) {
    this.#list = list;
    this.#messages = messages;
    this.#onRemove = onRemove;
  }

  /** @param {string[]} sites as match patterns */
  show(sites) {
    this.#list.replaceChildren(...sites.map((site) => this.#item(site)));
  }

  /** @param {string} site */
  #item(site) {
    const item = document.createElement("li");
    const name = document.createElement("span");
    name.textContent = site.replace(/^(https?|\*):\/\//, "").replace(/\/\*$/, "");
    const remove = document.createElement("button");
    remove.className = "button quiet";
    remove.textContent = this.#messages.say("remove");
    remove.ariaLabel = this.#messages.say("removeSite", { site: name.textContent });
    remove.onclick = () => this.#onRemove(site);
    item.append(name, remove);
    return item;
  }
}

/**
 * The match pattern of what somebody typed.
 * @param {string} typed a host, or any address there
 * @returns {string | null} null: not an address
 */
export function sitePattern(typed) {
  const text = typed.trim();
  try {
    const { protocol, hostname } = new URL(text.includes("://") ? text : `https://${text}`);
    if (!/^https?:$/.test(protocol) || !hostname || hostname.includes("*")) return null;
    return `${protocol}//${hostname}/*`;
  } catch {
    return null;
  }
}
