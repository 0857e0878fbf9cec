/** @typedef {"voice" | "identity" | "key" | "mode" | "visitor" | "language"} Kept */

/** What this browser remembers between visits. Nothing, where storage is refused. */
export class Memory {
  #storage;

  /** @param {() => Storage} storage throws where the browser refuses it */
  constructor(storage) {
    try {
      this.#storage = storage();
    } catch {
      this.#storage = null;
    }
  }

  /**
   * @param {Kept} name
   * @returns {string | null}
   */
  recall(name) {
    return this.#storage?.getItem(`likeness.${name}`) ?? null;
  }

  /**
   * The visitor's languages, the one that was chosen on a page before the browser's.
   * @param {readonly string[]} ofBrowser navigator.languages
   */
  languages(ofBrowser) {
    const chosen = this.recall("language");
    return chosen ? [chosen, ...ofBrowser] : ofBrowser;
  }

  /**
   * @param {Kept} name
   * @param {string | null} value null forgets
   */
  keep(name, value) {
    try {
      if (value === null) this.#storage?.removeItem(`likeness.${name}`);
      else this.#storage?.setItem(`likeness.${name}`, value);
    } catch {
      this.#storage = null; // full, or refused from now on
    }
  }
}
