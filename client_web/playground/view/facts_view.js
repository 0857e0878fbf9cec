/** Names and values that change: a <dl> whose <dd> have data-fact. */
export class FactsView {
  #places;

  /** @param {HTMLElement} list */
  constructor(list) {
    const found = /** @type {NodeListOf<HTMLElement>} */ (list.querySelectorAll("[data-fact]"));
    this.#places = new Map(Array.from(found, (node) => [node.dataset.fact ?? "", node]));
  }

  /** @param {Record<string, string>} facts those that are left out stay */
  show(facts) {
    for (const [name, text] of Object.entries(facts)) {
      const place = this.#places.get(name);
      if (place && place.textContent !== text) place.textContent = text;
    }
  }

  /**
   * @param {string} name
   * @param {string} grade how good it is, for its colour
   */
  mark(name, grade) {
    const place = this.#places.get(name);
    if (place) place.dataset.grade = grade;
  }
}
