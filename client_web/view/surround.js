const BLURRED_PX = 320; // drawn small and stretched: it is out of focus anyway
const FEATHER = 0.16; // of the portrait's width or height, at each open edge

/**
 * What surrounds the portrait when the window is wider or taller than it: the same
 * picture out of focus, melting into the portrait's edges. Drawn once for each picture
 * and window, because live CSS blurs and masks over video are dear without a GPU.
 */
export class Surround {
  #canvas;
  #portrait;
  /** @type {HTMLImageElement | null} */
  #picture = null;

  /**
   * @param {HTMLCanvasElement} canvas covers the window, above the portrait
   * @param {HTMLElement} portrait
   */
  constructor(canvas, portrait) {
    this.#canvas = canvas;
    this.#portrait = portrait;
    new ResizeObserver(() => this.#draw()).observe(canvas);
  }

  /** @param {HTMLImageElement} picture decoded */
  show(picture) {
    this.#picture = picture;
    this.#draw();
  }

  #draw() {
    const { clientWidth, clientHeight } = this.#canvas;
    const context = this.#canvas.getContext("2d");
    if (!this.#picture || !context || !clientWidth || !clientHeight) return;
    const scale = BLURRED_PX / Math.max(clientWidth, clientHeight);
    this.#canvas.width = Math.max(1, Math.round(clientWidth * scale));
    this.#canvas.height = Math.max(1, Math.round(clientHeight * scale));
    const { width, height } = this.#canvas;
    const side = Math.max(width, height) * 1.15; // a little larger: edges stay out
    const blurred = blur(this.#picture);
    context.imageSmoothingQuality = "high";
    context.drawImage(blurred, (width - side) / 2, (height - side) / 2, side, side);
    this.#open(context, scale);
  }

  /**
   * Cut the portrait's place out, with soft edges where it ends inside the window.
   * @param {CanvasRenderingContext2D} context
   * @param {number} scale canvas pixels per CSS pixel
   */
  #open(context, scale) {
    const { width, height } = this.#canvas;
    const box = this.#portrait.getBoundingClientRect();
    const hole = new OffscreenCanvas(width, height);
    const pen = /** @type {OffscreenCanvasRenderingContext2D} */ (hole.getContext("2d"));
    const across = pen.createLinearGradient(box.left * scale, 0, box.right * scale, 0);
    ramp(across, box.width < width / scale - 1, box.width < width / scale - 1);
    pen.fillStyle = across;
    pen.fillRect(box.left * scale, 0, box.width * scale, height);
    pen.globalCompositeOperation = "destination-in";
    const down = pen.createLinearGradient(0, box.top * scale, 0, box.bottom * scale);
    ramp(down, false, box.height < height / scale - 1);
    pen.fillStyle = down;
    pen.fillRect(0, box.top * scale, width, box.height * scale);
    context.globalCompositeOperation = "destination-out";
    context.drawImage(hole, 0, 0);
    context.globalCompositeOperation = "source-over";
  }
}

/**
 * @param {CanvasGradient} gradient
 * @param {boolean} begins softly
 * @param {boolean} ends softly
 */
function ramp(gradient, begins, ends) {
  const steps = 8;
  for (let step = 0; step <= steps; step += 1) {
    const part = step / steps;
    const smooth = `rgb(0 0 0 / ${part * part * (3 - 2 * part)})`;
    if (begins) gradient.addColorStop(part * FEATHER, smooth);
    if (ends) gradient.addColorStop(1 - part * FEATHER, smooth);
  }
  if (!begins) gradient.addColorStop(0, "#000");
  if (!ends) gradient.addColorStop(1, "#000");
}

/**
 * Out of focus by drawing small and large again; the canvas filter that would do it at
 * once is not in every browser.
 * @param {HTMLImageElement} picture
 */
function blur(picture) {
  /** @type {CanvasImageSource} */
  let from = picture;
  for (const side of [128, 40, 14, 28, 64, 160]) {
    const canvas = new OffscreenCanvas(side, side);
    const context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d"));
    context.imageSmoothingQuality = "high";
    context.drawImage(from, 0, 0, side, side);
    from = canvas;
  }
  return from;
}
