import { ApiError } from "./api_error.js";

/** @import { Api } from "./api.js" */
/** @import { Consent } from "./types.js" */

const POLL_MS = 250;
const DEADLINE_MS = 90_000; // a busy server; it answers within a few seconds otherwise
const UPLOAD_SHARE = 0.25; // of the whole progress
const LARGEST_SIDE_PX = 2048; // more than any portrait is rendered at
const SHRINK_OVER_BYTES = 1_500_000;

/** Turns a photo into an identity on the server, telling how far it is. */
export class Enrolment {
  #api;

  /** @param {Api} api */
  constructor(api) {
    this.#api = api;
  }

  /**
   * @param {File} file
   * @param {Consent} consent
   * @param {(part: number) => void} onProgress 0 to 1
   * @param {AbortSignal} signal
   * @returns {Promise<string>} the identity's id
   * @throws {ApiError} in the server's words, when the photo cannot become a portrait
   */
  async enrol(file, consent, onProgress, signal) {
    const photo = await smaller(file);
    const uploaded = (/** @type {number} */ part) => onProgress(UPLOAD_SHARE * part);
    const made = await this.#api.uploadPhoto(photo, "", consent, uploaded, signal);
    if (made.status === "ready") return made.identity_id; // it was made before
    const { identity_id } = made;
    try {
      await this.#finish(identity_id, onProgress, signal);
    } catch (error) {
      if (signal.aborted) this.#api.deleteIdentity(identity_id).catch(() => {});
      throw error;
    }
    return identity_id;
  }

  /**
   * @param {string} id
   * @param {(part: number) => void} onProgress
   * @param {AbortSignal} signal
   */
  async #finish(id, onProgress, signal) {
    const endMs = performance.now() + DEADLINE_MS;
    while (performance.now() < endMs) {
      const { status, progress = 0, error } = await this.#api.identity(id, signal);
      if (error) throw new ApiError(422, error.code, error.message);
      onProgress(UPLOAD_SHARE + (1 - UPLOAD_SHARE) * progress);
      if (status === "ready") return;
      if (status === "failed") throw new ApiError(422, "enrolment_failed", "");
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      signal.throwIfAborted();
    }
    throw new DOMException("enrolment", "TimeoutError");
  }
}

/**
 * A phone's photo of many megabytes, made small enough to travel quickly. What the
 * browser cannot open goes as it is: the server says best what is wrong with it.
 * @param {File} file
 * @returns {Promise<Blob>}
 */
async function smaller(file) {
  if (file.size < SHRINK_OVER_BYTES || file.type !== "image/jpeg") return file;
  try {
    const picture = await createImageBitmap(file); // upright: EXIF is honoured
    const scale = Math.min(1, LARGEST_SIDE_PX / Math.max(picture.width, picture.height));
    const canvas = new OffscreenCanvas(picture.width * scale, picture.height * scale);
    const context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d"));
    context.drawImage(picture, 0, 0, canvas.width, canvas.height);
    picture.close();
    return await canvas.convertToBlob({ type: "image/jpeg", quality: 0.92 });
  } catch {
    return file;
  }
}
