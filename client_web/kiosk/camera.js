import { COLUMNS, Presence, ROWS } from "./presence.js";

const LOOK_MS = 200;
const FACES_EVERY = 3; // looks; finding faces costs more than all the rest
const WANTED = { width: { ideal: 320 }, height: { ideal: 240 }, frameRate: { ideal: 10 } };
const RETRY_MS = 30_000; // a camera that was unplugged may come back

/**
 * @typedef {{detect: (picture: CanvasImageSource) =>
 *     Promise<{boundingBox: {width: number}}[]>}} FaceFinder
 */

/**
 * The camera over the screen, looked at here and nowhere else: each picture becomes 32 x
 * 24 grey cells, is compared and forgotten. Nothing of it is stored or sent.
 */
export class Camera {
  #video;
  #onPresence;
  #canvas = new OffscreenCanvas(COLUMNS, ROWS).getContext("2d", { willReadFrequently: true });
  #presence = new Presence();
  #finder = faceFinder();
  /** @type {number | null} */
  #face = null;
  #looks = 0;
  /** @type {MediaStream | null} */
  #stream = null;

  /**
   * @param {HTMLVideoElement} video of one's own, never put into the page
   * @param {(present: boolean) => void} onPresence when it changes
   */
  constructor(video, onPresence) {
    this.#video = video;
    this.#onPresence = onPresence;
  }

  /** what it sees, as numbers, for whoever sets the kiosk up */
  get reading() {
    const { present, moving, standing } = this.#presence;
    return { on: this.#stream !== null, present, moving, standing, face: this.#face };
  }

  /** Look from now on; without a camera, try again from time to time. */
  async open() {
    try {
      this.#stream = await navigator.mediaDevices.getUserMedia({ video: WANTED });
    } catch {
      setTimeout(() => this.open(), RETRY_MS);
      return;
    }
    this.#video.srcObject = this.#stream;
    this.#video.muted = true;
    await this.#video.play().catch(() => {});
    const timer = setInterval(() => this.#look(), LOOK_MS);
    this.#stream.getVideoTracks()[0].onended = () => {
      clearInterval(timer);
      this.#stream = null;
      this.#tell(false);
      setTimeout(() => this.open(), RETRY_MS);
    };
  }

  async #look() {
    if (!this.#canvas || this.#video.readyState < 2) return;
    this.#canvas.imageSmoothingQuality = "high"; // averages: the noise of a pixel is no motion
    this.#canvas.drawImage(this.#video, 0, 0, COLUMNS, ROWS);
    const { data } = this.#canvas.getImageData(0, 0, COLUMNS, ROWS);
    const luma = new Float32Array(COLUMNS * ROWS);
    for (let i = 0; i < luma.length; i += 1) {
      // ITU-R BT.601
      luma[i] = 0.299 * data[4 * i] + 0.587 * data[4 * i + 1] + 0.114 * data[4 * i + 2];
    }
    if (this.#looks++ % FACES_EVERY === 0) await this.#findFace();
    const before = this.#presence.present;
    const present = this.#presence.observe(luma, this.#face, performance.now());
    if (present !== before) this.#tell(present);
  }

  async #findFace() {
    if (!this.#finder) return;
    try {
      const faces = await this.#finder.detect(this.#video);
      const widest = Math.max(0, ...faces.map((face) => face.boundingBox.width));
      this.#face = widest / (this.#video.videoWidth || 1);
    } catch {
      this.#finder = null; // it is named here, but nothing stands behind it
      this.#face = null;
    }
  }

  /** @param {boolean} present */
  #tell(present) {
    this.#onPresence(present);
  }
}

/** The browser's own finder of faces (Shape Detection), where there is one. */
function faceFinder() {
  const kind = /** @type {any} */ (globalThis).FaceDetector;
  try {
    return kind ? /** @type {FaceFinder} */ (new kind({ fastMode: true })) : null;
  } catch {
    return null;
  }
}
