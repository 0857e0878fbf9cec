/** Lays the portrait over the page where there is no WebGL: pixel by pixel. */
export class CanvasPainter {
  #context;

  /** @param {CanvasRenderingContext2D} context */
  constructor(context) {
    this.#context = context;
  }

  /**
   * @param {HTMLVideoElement} video
   * @param {boolean} packed whether its matte is below the portrait
   */
  paint(video, packed) {
    const { width, height } = this.#context.canvas;
    const { videoWidth, videoHeight } = video;
    if (!packed) return this.#context.drawImage(video, 0, 0, width, height);
    const half = videoHeight / 2;
    this.#context.drawImage(video, 0, half, videoWidth, half, 0, 0, width, height);
    const matte = this.#context.getImageData(0, 0, width, height).data;
    this.#context.drawImage(video, 0, 0, videoWidth, half, 0, 0, width, height);
    const image = this.#context.getImageData(0, 0, width, height);
    masked(image.data, matte);
    this.#context.putImageData(image, 0, 0);
  }
}

/**
 * Put the greys of one picture into the alpha of another; the same cut as in WebGL.
 * @param {Uint8ClampedArray} colours RGBA
 * @param {Uint8ClampedArray} matte RGBA
 */
export function masked(colours, matte) {
  for (let at = 0; at < colours.length; at += 4) {
    const grey = 0.299 * matte[at] + 0.587 * matte[at + 1] + 0.114 * matte[at + 2];
    colours[at + 3] = (grey - 0.03 * 255) / 0.94; // clamped and rounded by its type
  }
}
