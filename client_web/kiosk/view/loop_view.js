/** @import { Clip } from "../types.js" */

const FADE_MS = 500; // as the transition in kiosk.css

/**
 * The clip of the portrait at rest, round and round: at its end the beginning fades in
 * from a second element that waits there. Stopped while the live portrait is seen.
 */
export class LoopView {
  #elements;
  #body;
  /** @type {Clip | null} */
  #clip = null;
  #front = 0;
  #on = false;
  #turning = false;

  /**
   * @param {[HTMLVideoElement, HTMLVideoElement]} elements
   * @param {HTMLElement} body told whether there is a clip
   */
  constructor(elements, body) {
    this.#elements = elements;
    this.#body = body;
  }

  get hasClip() {
    return this.#clip !== null;
  }

  /** @param {Clip} clip */
  async setClip(clip) {
    const last = this.#clip;
    this.#clip = clip;
    for (const video of this.#elements) {
      video.src = clip.url;
      video.currentTime = clip.beginS;
    }
    if (last) URL.revokeObjectURL(last.url);
    this.#body.dataset.clip = "";
    if (this.#on) await this.#begin();
  }

  async start() {
    if (this.#on) return;
    this.#on = true;
    if (this.#clip) await this.#begin();
  }

  stop() {
    this.#on = false;
    for (const video of this.#elements) video.pause();
  }

  async #begin() {
    const video = this.#elements[this.#front];
    try {
      await video.play();
    } catch {
      return; // stopped again before it began
    }
    for (const each of this.#elements) {
      each.classList.toggle("there", true);
      each.classList.toggle("front", each === video);
    }
    this.#watch(video);
  }

  /** @param {HTMLVideoElement} video */
  #watch(video) {
    video.requestVideoFrameCallback((_, { mediaTime }) => {
      if (!this.#on || video !== this.#elements[this.#front]) return;
      if (this.#clip && mediaTime >= this.#clip.endS) this.#turn(video);
      else this.#watch(video);
    });
  }

  /** @param {HTMLVideoElement} ending */
  async #turn(ending) {
    if (this.#turning) return;
    this.#turning = true;
    this.#front = 1 - this.#front;
    await this.#begin();
    setTimeout(() => {
      this.#turning = false;
      if (ending === this.#elements[this.#front]) return;
      ending.pause();
      ending.currentTime = this.#clip?.beginS ?? 0;
    }, FADE_MS + 50);
  }
}
