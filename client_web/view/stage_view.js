const FIRST_FRAME_DEADLINE_MS = 4_000; // then the picture is shown whatever the browser says

/**
 * The portrait: its preview at once, the live picture as soon as there is one, and
 * between two connections the last picture that was seen.
 */
export class StageView {
  #video;
  #poster;
  #still;
  #onPicture;
  #arrival = 0;

  /**
   * @param {{video: HTMLVideoElement, poster: HTMLImageElement, still: HTMLCanvasElement}} elements
   * @param {object} listener
   * @param {(picture: HTMLImageElement) => void} listener.onPicture a new poster is there
   */
  constructor({ video, poster, still }, { onPicture }) {
    this.#video = video;
    this.#poster = poster;
    this.#still = still;
    this.#onPicture = onPicture;
  }

  /** @param {string} url the identity's preview */
  async showPoster(url) {
    this.#poster.src = url;
    try {
      await this.#poster.decode();
    } catch {
      return; // no preview: the live picture will do
    }
    this.#poster.classList.add("there");
    this.#onPicture(this.#poster);
  }

  /** Another stream is about to be played. */
  expect() {
    this.#freeze();
    const video = this.#video;
    const arrival = ++this.#arrival;
    video.classList.remove("alive");
    const reveal = () => {
      if (arrival !== this.#arrival || video.classList.contains("alive")) return;
      video.classList.add("alive");
    };
    video.requestVideoFrameCallback?.(reveal);
    setTimeout(reveal, FIRST_FRAME_DEADLINE_MS);
  }

  /** Keep the last frame under the video that is about to begin. */
  #freeze() {
    const { videoWidth, videoHeight } = this.#video;
    if (!videoWidth || !this.#video.classList.contains("alive")) return;
    this.#still.width = videoWidth;
    this.#still.height = videoHeight;
    this.#still.getContext("2d")?.drawImage(this.#video, 0, 0);
    this.#still.hidden = false;
  }
}
