/** The sites of meetings that the user added. */
export class SiteList {
  #list;
  #onRemove;

  /**
   * @param {HTMLElement} list
   * @param {(site: string) => void} onRemove
   */
  constructor(list, onRemove) {
    this.#list = list;
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
    remove.textContent = "Remove";
    remove.ariaLabel = `Remove ${name.textContent}`;
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
