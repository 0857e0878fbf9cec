const SMALL = { width: 160, height: 90 }; // of what is blurred: cheap, and soft when enlarged
const BLUR = "blur(9px) brightness(.82)";
const FEATHER = 0.06; // of the portrait's width: where it fades into its surround
const SURROUND_FOR = 100; // pictures, then it is made anew: a backdrop may be changed

/** @typedef {CanvasImageSource & {width?: number, displayWidth?: number, height?: number, displayHeight?: number}} Picture */

/**
 * Puts a portrait of any shape into a camera's picture: whole, in the middle, and what is
 * left at the sides is its own colours, blurred, into which its edges fade.
 */
export class Composition {
  #canvas;
  #context;
  /** @type {OffscreenCanvas | null} */
  #surround = null;
  #pictures = 0;
  #shape = "";

  /**
   * @param {number} width
   * @param {number} height
   */
  constructor(width, height) {
    this.#canvas = new OffscreenCanvas(width, height);
    this.#context = context(this.#canvas);
  }

  get canvas() {
    return this.#canvas;
  }

  /** @param {Picture} picture */
  draw(picture) {
    const { width, height } = this.#canvas;
    const wide = picture.displayWidth ?? picture.width ?? 1;
    const high = picture.displayHeight ?? picture.height ?? 1;
    const scale = Math.min(width / wide, height / high);
    const w = Math.round(wide * scale);
    const h = Math.round(high * scale);
    const x = (width - w) >> 1;
    const y = (height - h) >> 1;
    this.#context.drawImage(picture, x, y, w, h);
    if (x <= 1 && y <= 1) return;
    const shape = `${wide} ${high}`;
    if (!this.#surround || shape !== this.#shape || this.#pictures++ % SURROUND_FOR === 0) {
      this.#surround = surround(picture, width, height, { x, y, w, h });
      this.#shape = shape;
    }
    this.#context.drawImage(this.#surround, 0, 0);
  }
}

/**
 * What lies round the portrait, with a hole for it whose rim is soft.
 * @param {Picture} picture
 * @param {number} width
 * @param {number} height
 * @param {{x: number, y: number, w: number, h: number}} hole
 */
function surround(picture, width, height, { x, y, w, h }) {
  const small = new OffscreenCanvas(SMALL.width, SMALL.height);
  const blurred = context(small);
  blurred.filter = BLUR;
  // Larger than what is seen of it: blurring darkens the rim.
  blurred.drawImage(picture, -20, -20, SMALL.width + 40, SMALL.height + 40);
  const canvas = new OffscreenCanvas(width, height);
  const paint = context(canvas);
  paint.drawImage(small, 0, 0, width, height);
  paint.globalCompositeOperation = "destination-out";
  const across = x > y;
  const rim = Math.round(FEATHER * (across ? w : h));
  const fade = across
    ? paint.createLinearGradient(x, 0, x + w, 0)
    : paint.createLinearGradient(0, y, 0, y + h);
  const part = rim / (across ? w : h);
  fade.addColorStop(0, "transparent");
  fade.addColorStop(part, "black");
  fade.addColorStop(1 - part, "black");
  fade.addColorStop(1, "transparent");
  paint.fillStyle = fade;
  paint.fillRect(x, y, w, h);
  return canvas;
}

/** @param {OffscreenCanvas} canvas */
function context(canvas) {
  return /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d"));
}

/**
 * A face without features, for as long as no portrait has ever been seen.
 * @returns {Picture}
 */
export function nobody() {
  const canvas = new OffscreenCanvas(512, 512);
  const paint = context(canvas);
  paint.fillStyle = "#3a332d";
  paint.fillRect(0, 0, 512, 512);
  paint.fillStyle = "#6b5f54";
  paint.beginPath();
  paint.ellipse(256, 220, 96, 122, 0, 0, 2 * Math.PI);
  paint.ellipse(256, 560, 210, 180, 0, 0, 2 * Math.PI);
  paint.fill();
  return canvas;
}
