/**
 * @typedef {object} Glimpse a picture of the clip, made small
 * @property {number} atS in the clip
 * @property {ArrayLike<number>} cells
 */

/**
 * Where a clip of somebody at rest can begin and end so that the end leads into the
 * beginning: the two most alike pictures that are far enough apart.
 * @param {readonly Glimpse[]} glimpses in order of time
 * @param {number} leastS the loop's least length
 * @returns {{beginS: number, endS: number} | null} null where the clip is too short
 */
export function loopPoints(glimpses, leastS) {
  /** @type {{beginS: number, endS: number} | null} */
  let best = null;
  let least = Infinity;
  glimpses.forEach((begin, i) => {
    for (const end of glimpses.slice(i + 1)) {
      if (end.atS - begin.atS < leastS) continue;
      const difference = differenceOf(begin.cells, end.cells);
      if (difference >= least) continue;
      least = difference;
      best = { beginS: begin.atS, endS: end.atS };
    }
  });
  return best;
}

/**
 * @param {ArrayLike<number>} a
 * @param {ArrayLike<number>} b
 */
function differenceOf(a, b) {
  let sum = 0;
  for (let i = 0; i < a.length; i += 1) sum += (a[i] - b[i]) ** 2;
  return sum;
}
