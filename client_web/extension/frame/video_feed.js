import { Composition } from "./composition.js";

/** @import { Picture } from "./composition.js" */
/** @import { PictureSize } from "../page/picture_size.js" */

const STILL_AFTER_MS = 400; // without a live picture, the last one is shown again

/**
 * One camera track in the site's hands. It lives as long as the site wants it, whatever
 * becomes of the connection behind it: without live pictures it shows the last one.
 *
 * Pictures are pushed into it, by no clock of a window: a page in the background, whose
 * timers and animation frames stand still, sends as many as one in front.
 */
export class VideoFeed {
  #generator = new MediaStreamTrackGenerator({ kind: "video" });
  #writer = this.#generator.writable.getWriter();
  /** @type {Composition} */
  #composition;
  #isFull = false;
  #isEnded = false;
  #shownMs = -Infinity;

  /**
   * @param {PictureSize} size
   * @param {Picture} picture shown until there is a live one
   */
  constructor(size, picture) {
    this.#composition = new Composition(size.width, size.height);
    // A clone, since the site should hold a MediaStreamTrack like any other; the one that
    // it was cloned from is stopped, so that writing fails when the site's last is.
    this.track = this.#generator.clone();
    this.#generator.stop();
    this.#composition.draw(picture);
    this.#write();
  }

  /** As if the device were unplugged: the site hears that its track has ended. */
  async end() {
    this.#isEnded = true;
    await this.#writer.close().catch(() => {}); // the site may have been quicker
  }

  /** Whether the site has stopped the track, and all that were cloned from it. */
  get isEnded() {
    return this.#isEnded;
  }

  /** @param {Picture} picture it stays the caller's to close */
  show(picture) {
    this.#composition.draw(picture);
    this.#write();
  }

  /** Show the last picture again, if no new one has come. Call this now and then. */
  hold() {
    if (performance.now() - this.#shownMs > STILL_AFTER_MS) this.#write();
  }

  /** @param {PictureSize} size */
  resize({ width, height }) {
    const before = this.#composition.canvas;
    if (before.width === width && before.height === height) return;
    this.#composition = new Composition(width, height);
    this.#composition.draw(before);
  }

  async #write() {
    if (this.#isFull || this.#isEnded) return; // a picture that comes too soon is dropped
    this.#isFull = true;
    this.#shownMs = performance.now();
    const frame = new VideoFrame(this.#composition.canvas, { timestamp: 1000 * this.#shownMs });
    try {
      await this.#writer.write(frame);
    } catch {
      frame.close();
      this.#isEnded = true;
    }
    this.#isFull = false;
  }
}
