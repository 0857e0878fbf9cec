/** @import { PictureSize } from "./picture_size.js" */

/**
 * What the user has set, as far as a page may know it.
 * @typedef {object} PageSettings
 * @property {boolean} on
 * @property {boolean} byDefault whether requests that name no device get Likeness
 */

/**
 * Tracks of the portrait for one request of the site.
 * @typedef {object} Given
 * @property {number} id
 * @property {MediaStreamTrack | null} video
 * @property {MediaStreamTrack | null} audio
 */

const SETTINGS_DEADLINE_MS = 3_000;
const ANSWER_DEADLINE_MS = 5_000;

/**
 * The page's end of the thread to our content script. Both hold the same EventTarget,
 * which the site's scripts have never seen, and speak by events on it: JSON in `detail`,
 * tracks in MediaStreamTrackEvents. It carries wishes for pictures and sound, no more.
 */
export class Hub {
  #target = new EventTarget();
  #lastId = 0;
  /** @type {PageSettings} */
  #settings = { on: true, byDefault: false };
  /** @type {Promise<boolean>} */
  #known;

  /** @param {(settings: PageSettings) => void} onSettings */
  constructor(onSettings) {
    this.#known = new Promise((resolve) => {
      setTimeout(resolve, SETTINGS_DEADLINE_MS, false);
      this.#target.addEventListener("settings", (event) => {
        this.#settings = detailOf(event);
        resolve(true);
        onSettings(this.#settings);
      });
    });
    // The only way from one world to the other that keeps an object what it is.
    window.dispatchEvent(new MouseEvent("likeness-hub", { relatedTarget: this.#target }));
  }

  /**
   * @returns {Promise<PageSettings>}
   * @throws {DOMException} NotReadableError: our content script does not answer
   */
  async settings() {
    if (!(await this.#known)) throw notReadable();
    return this.#settings;
  }

  /**
   * @param {PictureSize | null} video
   * @param {boolean} audio
   * @returns {Promise<Given>}
   * @throws {DOMException} NotReadableError, as from a camera that another program holds
   */
  ask(video, audio) {
    const id = ++this.#lastId;
    /** @type {Given} */
    const given = { id, video: null, audio: null };
    const waiting = new AbortController();
    const { signal } = waiting;
    /** @type {Promise<Given>} */
    const answered = new Promise((resolve, reject) => {
      setTimeout(() => reject(notReadable()), ANSWER_DEADLINE_MS);
      const take = (/** @type {Event} */ event) => {
        const { track } = /** @type {MediaStreamTrackEvent} */ (event);
        given[/** @type {"video" | "audio"} */ (track.kind)] = track;
      };
      this.#target.addEventListener(`track-${id}`, take, { signal });
      const end = (/** @type {Event} */ event) => {
        if (detailOf(event).error) reject(notReadable());
        else resolve(given);
      };
      this.#target.addEventListener(`answer-${id}`, end, { signal });
    });
    this.#send("ask", { id, video, audio });
    return answered.finally(() => waiting.abort());
  }

  /**
   * @param {number} id of what was given
   * @param {PictureSize} size
   */
  resize(id, size) {
    this.#send("resize", { id, size });
  }

  /**
   * @param {string} type
   * @param {object} message
   */
  #send(type, message) {
    this.#target.dispatchEvent(new CustomEvent(type, { detail: JSON.stringify(message) }));
  }
}

/** @param {Event} event */
function detailOf(event) {
  return JSON.parse(/** @type {CustomEvent} */ (event).detail);
}

function notReadable() {
  return new DOMException("Could not start video source", "NotReadableError");
}
