/** @import { ConnectionQuality } from "./types.js" */

/**
 * From where on a connection is only fair, and from where on it is poor.
 *
 * Round trip: ITU-T G.114 finds 150 ms one way unnoticed in talk, and 400 ms the limit.
 * Loss and invented sound: Opus hides a few per cent; words are lost from a tenth on.
 * Pictures: 25 a second are sent; below 18 movement is seen to step, below 8 lips no
 * longer belong to the words. A picture that stood still for a fifth of the time is poor.
 * @type {[keyof ConnectionQuality, number, number][]}
 */
const LIMITS = [
  ["roundTripMs", 300, 800],
  ["loss", 0.02, 0.1],
  ["concealed", 0.02, 0.1],
  ["jitterMs", 40, 120],
  ["frozenMs", 200, 800],
];
const FAIR_FPS = 18;
const POOR_FPS = 8;
const GRADES = /** @type {const} */ (["good", "fair", "poor"]);

/**
 * @param {Omit<ConnectionQuality, "grade">} measured
 * @returns {ConnectionQuality["grade"]} the worst of what each measure says
 */
export function gradeOf(measured) {
  const values = /** @type {Record<string, any>} */ (measured);
  const marks = LIMITS.map(([name, fair, poor]) => {
    const value = values[name] ?? 0;
    return value >= poor ? 2 : value >= fair ? 1 : 0;
  });
  marks.push(measured.fps < POOR_FPS ? 2 : measured.fps < FAIR_FPS ? 1 : 0);
  return GRADES[Math.max(...marks)];
}
