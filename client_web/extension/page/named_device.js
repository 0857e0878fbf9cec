// One device with two sides, as a webcam with a microphone is. The ids look as a
// browser's do, and are the same everywhere and always: sites remember the last choice.
export const CAMERA_ID = "146506efac491d4945628476d7b228f1e7504b24fedda2c1452a096c73dddcc1";
export const MICROPHONE_ID = "7b54c0c07cac6b863528f84210f0da93aaf5b6390685c1ad0f1f831a0cd59016";
export const GROUP_ID = "0fa21e9644c701c9971f1c32ae939833babea747dd3e282dadc7476066f1d250";
export const LABEL = "Likeness";

const NO_ONE = ["", "default", "communications"]; // whatever the system's own choice is

/**
 * What a request says about one kind of device. absent: the kind is not asked for.
 * likeness: it names ours. other: it names another, or the screen. open: it names none.
 * @typedef {"absent" | "likeness" | "other" | "open"} Naming
 */

/**
 * @param {unknown} constraints the `video` or `audio` of a request, as the site gave it
 * @param {string} ownId
 * @returns {Naming}
 */
export function naming(constraints, ownId) {
  if (!constraints) return "absent";
  if (typeof constraints !== "object") return "open";
  const parts = allParts(constraints);
  if (parts.some(capturesScreen)) return "other";
  const ids = parts.flatMap((part) => [
    ...values(part.deviceId),
    ...values(part.sourceId), // what deviceId was called in the old syntax
    ...values(part.groupId),
  ]);
  if (ids.includes(ownId) || ids.includes(GROUP_ID)) return "likeness";
  if (ids.some((id) => !NO_ONE.includes(id))) return "other";
  if (parts.some((part) => values(part.facingMode?.exact).includes("environment"))) return "other";
  return "open";
}

/**
 * The constraints and all that lies within them, of today's syntax and of the old one.
 * @param {any} constraints
 * @returns {any[]}
 */
export function allParts(constraints) {
  const { advanced, mandatory, optional } = constraints;
  const lists = [advanced, optional].filter(Array.isArray).flat();
  return [constraints, mandatory, ...lists].filter((part) => part && typeof part === "object");
}

/** @param {any} part */
function capturesScreen(part) {
  return "chromeMediaSource" in part || "chromeMediaSourceId" in part || "mediaSource" in part;
}

/**
 * @param {any} wanted a string, several, or { exact, ideal } of either
 * @returns {string[]}
 */
function values(wanted) {
  if (wanted === undefined || wanted === null) return [];
  if (typeof wanted === "object" && !Array.isArray(wanted)) {
    return [...values(wanted.exact), ...values(wanted.ideal)];
  }
  return [wanted].flat().map(String);
}
