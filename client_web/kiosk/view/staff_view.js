const HOLD_MS = 4_000;
const CORNER_PX = 90;
const REFRESH_MS = 500;

/** For who looks after the kiosk: hold the top left corner for four seconds. */
export class StaffView {
  #elements;
  #figures;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #timer;

  /**
   * @param {{dialog: HTMLDialogElement, figures: HTMLElement, reload: HTMLElement,
   *     closer: HTMLElement, ground: HTMLElement}} elements
   * @param {() => Record<string, unknown>} figures how the kiosk is
   * @param {() => void} onReload
   */
  constructor(elements, figures, onReload) {
    this.#elements = elements;
    this.#figures = figures;
    elements.reload.addEventListener("click", onReload);
    elements.closer.addEventListener("click", () => elements.dialog.close());
    elements.dialog.addEventListener("close", () => clearInterval(this.#timer));
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let held;
    elements.ground.addEventListener("pointerdown", ({ clientX, clientY }) => {
      clearTimeout(held);
      if (Math.max(clientX, clientY) < CORNER_PX) held = setTimeout(() => this.#open(), HOLD_MS);
    });
    for (const end of ["pointerup", "pointercancel"]) {
      elements.ground.addEventListener(end, () => clearTimeout(held));
    }
  }

  #open() {
    if (this.#elements.dialog.open) return;
    this.#elements.dialog.showModal();
    this.#show();
    this.#timer = setInterval(() => this.#show(), REFRESH_MS);
  }

  #show() {
    const lines = Object.entries(this.#figures()).map(([name, value]) => `${name}: ${value}`);
    this.#elements.figures.textContent = lines.join("\n");
  }
}
