import { makeLikeness } from "./conversation.js";
import { loopPoints } from "./loop_points.js";

/** @import { Glimpse } from "./loop_points.js" */
/** @import { Clip, KioskConfig } from "./types.js" */

const CONNECT_S = 25;
const SETTLE_S = 1.5; // until the face has the expression that was asked for
const FILM_S = 11;
const LEAST_S = 6; // of the loop
const TAIL_S = 0.6; // past its end: what fades away there goes on moving
const GLIMPSE = 20; // cells a side
const BITS_PER_S = 4_000_000;
const KINDS = ["video/webm;codecs=vp8", "video/webm", "video/mp4"];

/**
 * Films the portrait at rest, for the time when no session is held: a session of a few
 * seconds, in which nothing is said. It also shows that server and media are well.
 * @param {KioskConfig} config
 * @param {HTMLVideoElement} video of one's own, never put into the page
 * @param {AbortSignal} signal somebody came: stop at once
 * @returns {Promise<Clip | null>} null: it did not work out, try again later
 */
export async function rehearse(config, video, signal) {
  const likeness = makeLikeness(config, config.tongues[0], "");
  video.muted = true;
  try {
    likeness.attach(video);
    await within(likeness.connect(), CONNECT_S, signal);
    likeness.setManner({ emotion: "happy", expressivity: 0.7 });
    await rest(SETTLE_S, signal);
    return await film(video, signal);
  } catch {
    return null;
  } finally {
    likeness.close();
    video.srcObject = null;
  }
}

/**
 * @param {HTMLVideoElement} video
 * @param {AbortSignal} signal
 * @returns {Promise<Clip | null>}
 */
async function film(video, signal) {
  const stream = /** @type {MediaStream} */ (video.srcObject);
  const pictures = new MediaStream(stream.getVideoTracks());
  const mimeType = KINDS.find((kind) => MediaRecorder.isTypeSupported(kind));
  const recorder = new MediaRecorder(pictures, { mimeType, videoBitsPerSecond: BITS_PER_S });
  /** @type {Blob[]} */
  const parts = [];
  recorder.ondataavailable = ({ data }) => parts.push(data);
  const stopped = new Promise((resolve) => (recorder.onstop = resolve));
  recorder.start();
  const glimpses = glimpsesOf(video, signal);
  try {
    await rest(FILM_S, signal);
  } finally {
    if (recorder.state !== "inactive") recorder.stop();
    await stopped;
  }
  const usable = glimpses().filter(({ atS }) => atS < FILM_S - TAIL_S);
  const points = loopPoints(usable, LEAST_S);
  if (!points) return null;
  return { url: URL.createObjectURL(new Blob(parts, { type: mimeType })), ...points };
}

/**
 * Every picture that is shown from now on, made small.
 * @param {HTMLVideoElement} video
 * @param {AbortSignal} signal
 * @returns {() => Glimpse[]} ends it
 */
function glimpsesOf(video, signal) {
  const canvas = new OffscreenCanvas(GLIMPSE, GLIMPSE);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const beganMs = performance.now();
  /** @type {Glimpse[]} */
  const found = [];
  let on = true;
  const take = () => {
    if (!on || signal.aborted || !context) return;
    context.imageSmoothingQuality = "high";
    context.drawImage(video, 0, 0, GLIMPSE, GLIMPSE);
    const { data } = context.getImageData(0, 0, GLIMPSE, GLIMPSE);
    found.push({ atS: (performance.now() - beganMs) / 1000, cells: data });
    video.requestVideoFrameCallback(take);
  };
  video.requestVideoFrameCallback(take);
  return () => {
    on = false;
    return found;
  };
}

/**
 * @param {number} seconds
 * @param {AbortSignal} signal
 */
function rest(seconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, 1000 * seconds);
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop, { once: true });
  });
}

/**
 * @param {Promise<unknown>} promise
 * @param {number} seconds
 * @param {AbortSignal} signal
 */
async function within(promise, seconds, signal) {
  const late = rest(seconds, signal).then(() => {
    throw new DOMException("no connection", "TimeoutError");
  });
  late.catch(() => {});
  await Promise.race([promise, late]);
}
