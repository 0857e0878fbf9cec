/** The space bar, held down where it does nothing else. */
export class PushToTalk {
  #listener;
  #held = false;

  /** @param {{onPress: () => void, onRelease: () => void}} listener */
  constructor(listener) {
    this.#listener = listener;
    document.addEventListener("keydown", (event) => this.#press(event));
    document.addEventListener("keyup", ({ key }) => {
      if (key === " ") this.#release();
    });
    globalThis.addEventListener("blur", () => this.#release());
  }

  /** @param {KeyboardEvent} event */
  #press(event) {
    const at = event.target;
    const used = at instanceof Element && at.closest("input, textarea, button, select, a, dialog");
    if (event.key !== " " || used || document.querySelector("dialog[open]")) return;
    event.preventDefault(); // it would scroll
    if (this.#held) return;
    this.#held = true;
    this.#listener.onPress();
  }

  #release() {
    if (!this.#held) return;
    this.#held = false;
    this.#listener.onRelease();
  }
}
