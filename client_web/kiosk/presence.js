export const COLUMNS = 32;
export const ROWS = 24;

// Levels of 0 to 255. A cell's noise under a dim lamp is 2 to 4 once a camera's pixels
// are averaged into it; clothes and skin against a wall differ by 20 and more.
const CHANGED = 14;
const NEAR_SHARE = 0.06; // of the cells: somebody within two metres or so of a screen
const STILL_SHARE = 0.004; // breathing and swaying; less is an empty room
const DWELL_MS = 1_200; // who walks past is gone by then
const MOVES_MS = 800; // without any motion: a lamp that lit half of the room, not a person
const HOLD_MS = 6_000; // the same of somebody who is there and listens
const RELIT = 1.7; // times as bright, or as dark: the room is another one
const ABSORB = 0.004; // of the difference, each look: a moved chair is forgotten in a minute
const FACE_WIDTH = 0.08; // of the picture: as near as NEAR_SHARE

/**
 * Whether somebody stands before the screen, from small grey pictures: pure arithmetic.
 *
 * Two differences: to the picture before (something moves) and to a slow average
 * (something stands where the room was empty). Both after the change of brightness that
 * most cells share is taken out, so that a lamp, the sun or the camera's own exposure is
 * nobody. Where the browser finds faces, one has to be there for a visit to begin.
 */
export class Presence {
  /** @type {Float32Array | null} the room when nobody is there */
  #room = null;
  /** @type {Float32Array | null} */
  #before = null;
  #nearSinceMs = Infinity;
  #movedMs = -Infinity;
  #present = false;
  /** shares of cells, for whoever sets the kiosk up */
  moving = 0;
  standing = 0;

  get present() {
    return this.#present;
  }

  /**
   * @param {ArrayLike<number>} luma COLUMNS x ROWS, row by row, 0 to 255
   * @param {number | null} face width of the widest face as a share of the picture, 0
   *     for none; null where the browser cannot tell
   * @param {number} nowMs
   * @returns {boolean} whether somebody is there
   */
  observe(luma, face, nowMs) {
    const picture = Float32Array.from(luma);
    const relit = this.#room ? gainOf(picture, this.#room) : 1;
    if (!this.#room || (!this.#present && (relit > RELIT || relit < 1 / RELIT))) {
      this.#room = picture.slice();
    }
    this.moving = changedShare(picture, this.#before ?? picture);
    this.standing = changedShare(picture, this.#room);
    this.#before = picture;
    if (this.moving > STILL_SHARE) this.#movedMs = nowMs;
    this.#present = this.#present ? this.#stays(face, nowMs) : this.#comes(face, nowMs);
    this.#absorb(picture);
    return this.#present;
  }

  /**
   * @param {number | null} face
   * @param {number} nowMs
   */
  #comes(face, nowMs) {
    const moves = nowMs - this.#movedMs < MOVES_MS;
    const near = face === null ? this.standing > NEAR_SHARE && moves : face >= FACE_WIDTH;
    this.#nearSinceMs = near ? Math.min(this.#nearSinceMs, nowMs) : Infinity;
    return nowMs - this.#nearSinceMs >= DWELL_MS;
  }

  /**
   * @param {number | null} face
   * @param {number} nowMs
   */
  #stays(face, nowMs) {
    this.#nearSinceMs = Infinity;
    if ((face ?? 0) >= FACE_WIDTH) return true;
    return nowMs - this.#movedMs < HOLD_MS && this.standing > NEAR_SHARE / 2;
  }

  /** @param {Float32Array} picture */
  #absorb(picture) {
    const room = /** @type {Float32Array} */ (this.#room);
    const part = this.#present ? ABSORB / 8 : ABSORB; // or they would fade into it
    for (let i = 0; i < room.length; i += 1) room[i] += part * (picture[i] - room[i]);
  }
}

/**
 * By how much most cells became brighter.
 * @param {Float32Array} picture
 * @param {Float32Array} other
 */
function gainOf(picture, other) {
  const dark = 8; // keeps what is nearly black from deciding
  const ratios = picture.map((value, i) => (value + dark) / (other[i] + dark));
  return ratios.sort()[ratios.length >> 1];
}

/**
 * The share of cells that changed otherwise than the whole picture did.
 * @param {Float32Array} picture
 * @param {Float32Array} other
 */
function changedShare(picture, other) {
  const gain = gainOf(picture, other);
  let changed = 0;
  for (let i = 0; i < picture.length; i += 1) {
    if (Math.abs(picture[i] - gain * other[i]) > CHANGED) changed += 1;
  }
  return changed / picture.length;
}
