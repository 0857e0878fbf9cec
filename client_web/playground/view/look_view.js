/** @import { Manner } from "../../likeness/types.js" */
/** @import { MessageForm } from "../schema.js" */

const LARGEST_PICTURE = 700_000; // characters of a data URL; a message is at most 1,000,000

/**
 * @typedef {object} LookElements
 * @property {HTMLElement} emotions
 * @property {HTMLInputElement} expressivity
 * @property {HTMLInputElement} articulation
 * @property {HTMLSelectElement} background
 * @property {HTMLInputElement} colour
 * @property {HTMLInputElement} picture a file
 */

/** How the portrait looks: feelings, how much of them, what is behind. */
export class LookView {
  #elements;
  #onManner;
  #onProblem;

  /**
   * @param {LookElements} elements
   * @param {(manner: Manner) => void} onManner
   * @param {(key: string) => void} onProblem a message's key
   */
  constructor(elements, onManner, onProblem) {
    this.#elements = elements;
    this.#onManner = onManner;
    this.#onProblem = onProblem;
    const { expressivity, articulation, background, colour, picture } = elements;
    expressivity.addEventListener("change", () =>
      onManner({ expressivity: expressivity.valueAsNumber }),
    );
    articulation.addEventListener("change", () =>
      onManner({ articulation: articulation.valueAsNumber }),
    );
    background.addEventListener("change", () => this.#setBackground());
    colour.addEventListener("change", () => onManner({ background: colour.value }));
    picture.addEventListener("change", () => this.#readPicture());
  }

  /** @param {MessageForm} form of avatar.set: which feelings there are, from where to where */
  offer({ fields }) {
    const { emotions, expressivity, articulation } = this.#elements;
    const emotion = fields.find(({ name }) => name === "emotion");
    emotions.replaceChildren(...(emotion?.choices ?? []).map((each) => this.#chip(each)));
    for (const slider of [expressivity, articulation]) {
      const field = fields.find(({ name }) => name === slider.name);
      if (field?.least != null) slider.min = String(field.least);
      if (field?.most != null) slider.max = String(field.most);
    }
  }

  /** @param {string} emotion */
  #chip(emotion) {
    const chip = document.createElement("button");
    chip.type = "button";
    chip.className = "chip";
    chip.textContent = emotion;
    chip.setAttribute("aria-pressed", String(emotion === "neutral"));
    chip.addEventListener("click", () => {
      for (const each of this.#elements.emotions.children) {
        each.setAttribute("aria-pressed", String(each === chip));
      }
      this.#onManner({ emotion: /** @type {Manner["emotion"]} */ (emotion) });
    });
    return chip;
  }

  #setBackground() {
    const { background, colour, picture } = this.#elements;
    colour.hidden = background.value !== "colour";
    if (background.value === "colour") this.#onManner({ background: colour.value });
    else if (background.value === "picture") picture.click();
    else this.#onManner({ background: background.value });
  }

  #readPicture() {
    const [file] = this.#elements.picture.files ?? [];
    this.#elements.picture.value = ""; // so that the same file can be chosen again
    if (!file) return;
    const reader = new FileReader();
    reader.onload = () => {
      const url = String(reader.result);
      if (url.length > LARGEST_PICTURE) this.#onProblem("pictureTooLarge");
      else this.#onManner({ background: url });
    };
    reader.onerror = () => this.#onProblem("pictureUnreadable");
    reader.readAsDataURL(file);
  }
}
