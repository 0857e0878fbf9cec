/** @import { Sound } from "./types.js" */

/**
 * Plays the stream in a video element, whatever the browser's autoplay policy says:
 * picture is never refused, sound is until the visitor has touched the page, and then
 * it begins muted.
 */
export class Playback {
  /** @type {HTMLVideoElement | null} */
  #video = null;
  /** @type {MediaStream | null} */
  #stream = null;
  #muted = false; // as the page asked for
  #blocked = false; // by the browser
  #told = { muted: false, blocked: false };
  #starts = 0;
  #onSound;

  /** @param {(sound: Sound) => void} onSound it became audible, or inaudible */
  constructor(onSound) {
    this.#onSound = onSound;
  }

  /** @returns {Sound} */
  get sound() {
    return { muted: this.#muted || this.#blocked, blocked: this.#blocked };
  }

  /** @param {HTMLVideoElement | null} video null: none, and the last one is let go */
  attach(video) {
    if (video === this.#video) return;
    if (this.#video) this.#video.srcObject = null;
    this.#video = video;
    if (!video) return;
    this.#muted = video.muted;
    video.playsInline = true; // or a phone would play it full screen
    if (this.#stream) this.play(this.#stream);
  }

  /** @param {MediaStream | null} stream null: the connection is over for good */
  play(stream) {
    this.#stream = stream;
    if (!this.#video) return;
    this.#video.srcObject = stream;
    if (stream) this.#start();
  }

  /** Go on, where the browser stopped the video while nobody could see it. */
  resume() {
    if (this.#stream && this.#video?.paused) this.#start();
  }

  /** @param {boolean} muted false in a gesture's handler lifts the browser's refusal */
  async mute(muted) {
    this.#muted = muted;
    if (!this.#stream || !this.#video) this.#tell(this.#blocked);
    else if (muted) {
      this.#starts += 1;
      this.#video.muted = true;
      this.#tell(this.#blocked);
    } else await this.#start();
  }

  async #start() {
    const video = /** @type {HTMLVideoElement} */ (this.#video);
    const start = ++this.#starts;
    video.muted = this.#muted;
    const refused = await isRefused(video);
    if (start !== this.#starts) return; // something newer took its place
    if (refused && !this.#muted) {
      video.muted = true;
      await video.play().catch(() => {});
    }
    this.#tell(refused && !this.#muted);
  }

  /** @param {boolean} blocked */
  #tell(blocked) {
    this.#blocked = blocked;
    const { sound } = this;
    if (sound.muted === this.#told.muted && blocked === this.#told.blocked) return;
    this.#told = sound;
    this.#onSound(sound);
  }
}

/**
 * @param {HTMLVideoElement} video
 * @returns {Promise<boolean>} whether the browser will not have it played with sound
 */
async function isRefused(video) {
  try {
    await video.play();
  } catch (error) {
    return error instanceof DOMException && error.name === "NotAllowedError";
  }
  // A video that played muted is stopped when it is unmuted without leave.
  return video.paused;
}
