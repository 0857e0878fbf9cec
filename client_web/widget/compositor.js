import { CanvasPainter } from "./canvas_painter.js";
import { drawnSize, isPacked } from "./framing.js";
import { WebglPainter } from "./webgl_painter.js";

/**
 * Draws a video whose pictures hold a portrait and, below it, its matte, onto a canvas
 * that is transparent where nobody is. A frame is drawn once, when it is shown; nothing is
 * done while it is stopped, and a browser brings no frames to a page that nobody sees.
 */
export class Compositor {
  #canvas;
  #video;
  /** @type {WebglPainter | CanvasPainter | null} null: the context is lost for now */
  #painter = null;
  #portrait = { width: 0, height: 0 };
  #running = 0; // counts starts, so that a frame of an older one is passed over
  #isRunning = false;
  #drawn = 0;

  /**
   * @param {HTMLCanvasElement} canvas that has no context yet
   * @param {HTMLVideoElement} video
   */
  constructor(canvas, video) {
    this.#canvas = canvas;
    this.#video = video;
    this.#watch();
  }

  /** Another one than was given, where WebGL began and then failed. */
  get canvas() {
    return this.#canvas;
  }

  /** How many frames were drawn. */
  get drawn() {
    return this.#drawn;
  }

  /** @param {{width?: number, height?: number}} layout the event `stream.layout` */
  setLayout({ width = 0, height = 0 }) {
    this.#portrait = { width, height };
  }

  start() {
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#painter ??= this.#begin();
    this.#next(++this.#running);
  }

  stop() {
    this.#isRunning = false;
    this.#running += 1;
  }

  /** @param {number} run */
  #next(run) {
    const draw = () => {
      if (run !== this.#running) return;
      this.#draw();
      this.#next(run);
    };
    if ("requestVideoFrameCallback" in this.#video) this.#video.requestVideoFrameCallback(draw);
    else requestAnimationFrame(draw);
  }

  #draw() {
    const { videoWidth: width, videoHeight } = this.#video;
    if (!width || !this.#painter) return;
    const packed = isPacked(this.#portrait, width, videoHeight);
    const height = packed ? videoHeight / 2 : videoHeight;
    const box = { width: this.#canvas.clientWidth, height: this.#canvas.clientHeight };
    const size = drawnSize({ width, height }, box, globalThis.devicePixelRatio || 1);
    // Setting a canvas's size clears it, even to the same.
    if (this.#canvas.width !== size.width) this.#canvas.width = size.width;
    if (this.#canvas.height !== size.height) this.#canvas.height = size.height;
    this.#painter.paint(this.#video, packed);
    this.#drawn += 1;
  }

  #watch() {
    this.#canvas.addEventListener("webglcontextlost", (event) => {
      event.preventDefault(); // or it would never be restored
      this.#painter = null;
    });
    const again = () => (this.#painter = this.#begin());
    this.#canvas.addEventListener("webglcontextrestored", again);
  }

  /** @returns {WebglPainter | CanvasPainter | null} */
  #begin() {
    const gl = this.#canvas.getContext("webgl", { antialias: false, depth: false });
    if (gl?.isContextLost()) return null; // until it is restored
    try {
      if (gl) return new WebglPainter(gl);
    } catch (error) {
      console.warn("<likeness-avatar>: drawing without WebGL:", error);
      // A canvas never has another kind of context than its first.
      const fresh = /** @type {HTMLCanvasElement} */ (this.#canvas.cloneNode());
      this.#canvas.replaceWith(fresh);
      this.#canvas = fresh;
    }
    const context = this.#canvas.getContext("2d", { willReadFrequently: true });
    return context && new CanvasPainter(context);
  }
}
