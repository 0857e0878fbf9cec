import { allParts } from "./named_device.js";

// What the camera can do. A portrait is drawn 25 times a second; sites that ask for 30,
// as most do, get as many as there are, as from a camera in dim light.
export const MOST = { width: 1280, height: 1280, frameRate: 30 };
const LEAST = { width: 16, height: 16, frameRate: 1 };
const USUAL = { width: 640, height: 480 }; // what a browser takes when nothing is asked
const WIDE_FROM = 960; // pixels of width; wider pictures are 16:9

/** @typedef {{width: number, height: number, frameRate: number}} PictureSize */
/** @typedef {"width" | "height" | "frameRate" | "aspectRatio"} SizeName */

/**
 * The size of picture that a request is given.
 * @param {unknown} constraints the `video` of a request
 * @returns {PictureSize}
 * @throws {OverconstrainedError} where it insists on what no picture of ours has
 */
export function pictureSize(constraints) {
  const asked = typeof constraints === "object" && constraints ? constraints : {};
  const ratio = preferred(asked, "aspectRatio", 0.1, 10);
  let width = preferred(asked, "width", LEAST.width, MOST.width);
  let height = preferred(asked, "height", LEAST.height, MOST.height);
  if (!width && !height) {
    width = USUAL.width;
    height = ratio ? width / ratio : USUAL.height;
  }
  width ||= height * (ratio || usualRatio((height * 16) / 9));
  height ||= width / (ratio || usualRatio(width));
  const scale = Math.min(1, MOST.width / width, MOST.height / height);
  const frameRate = preferred(asked, "frameRate", LEAST.frameRate, MOST.frameRate);
  return {
    width: even(width * scale),
    height: even(height * scale),
    frameRate: Math.min(frameRate || MOST.frameRate, MOST.frameRate),
  };
}

/** @param {number} width */
function usualRatio(width) {
  return width >= WIDE_FROM ? 16 / 9 : USUAL.width / USUAL.height;
}

/** Video encoders want even sides. @param {number} pixels */
function even(pixels) {
  return Math.min(Math.max(2 * Math.round(pixels / 2), LEAST.width), MOST.width);
}

/**
 * @param {object} asked
 * @param {SizeName} name
 * @param {number} least
 * @param {number} most
 * @returns {number} 0 where nothing is asked
 */
function preferred(asked, name, least, most) {
  let low = least;
  let high = Infinity;
  let ideal = 0;
  for (const part of allParts(asked)) {
    const wanted = modern(part, name);
    const isFirm = part === asked || part === /** @type {any} */ (asked).mandatory;
    if (isFirm) {
      low = Math.max(low, wanted.exact ?? wanted.min ?? low);
      high = Math.min(high, wanted.exact ?? wanted.max ?? high);
    }
    ideal ||= wanted.exact ?? wanted.ideal ?? 0;
  }
  if (low > Math.min(high, most)) throw new OverconstrainedError(name, "");
  if (ideal) return Math.min(Math.max(ideal, low), high);
  if (low > least) return low;
  return high < most ? high : 0;
}

/**
 * @param {any} part
 * @param {SizeName} name
 * @returns {{exact?: number, ideal?: number, min?: number, max?: number}}
 */
function modern(part, name) {
  const wanted = part[name];
  if (typeof wanted === "number") return { ideal: wanted };
  if (wanted && typeof wanted === "object") return wanted;
  const capital = name[0].toUpperCase() + name.slice(1);
  return { min: part[`min${capital}`], max: part[`max${capital}`] };
}
