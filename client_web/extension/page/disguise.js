import { CAMERA_ID, GROUP_ID, LABEL, MICROPHONE_ID } from "./named_device.js";
import { MOST, pictureSize } from "./picture_size.js";

/** @import { PictureSize } from "./picture_size.js" */

const SHOWN_FPS = 25;

/** @typedef {(size: PictureSize) => void} Resize */

/**
 * What a device says of itself in a site's list.
 * @param {"videoinput" | "audioinput"} kind
 * @param {boolean} named false: as browsers do before the site was allowed to use one
 * @returns {MediaDeviceInfo}
 */
export function deviceInfo(kind, named) {
  const id = kind === "videoinput" ? CAMERA_ID : MICROPHONE_ID;
  const said = named
    ? { deviceId: id, kind, label: LABEL, groupId: GROUP_ID }
    : { deviceId: "", kind, label: "", groupId: "" };
  const info = Object.create((window.InputDeviceInfo ?? MediaDeviceInfo).prototype);
  for (const [name, value] of Object.entries(said)) {
    Object.defineProperty(info, name, { value, enumerable: true });
  }
  const able = () => (named ? capabilities(kind === "videoinput" ? "video" : "audio") : {});
  return hide(info, { toJSON: () => ({ ...said }), getCapabilities: able });
}

/**
 * Give a track the name and the manners of a device's. Only this track is touched, and
 * those that are cloned from it.
 * @param {MediaStreamTrack} track
 * @param {unknown} constraints those it was asked for with
 * @param {Resize} resize
 */
export function disguise(track, constraints, resize) {
  let current = constraints && typeof constraints === "object" ? constraints : {};
  const clone = track.clone.bind(track);
  const isVideo = track.kind === "video";
  Object.defineProperty(track, "label", { value: LABEL, configurable: true });
  return hide(track, {
    getCapabilities: () => capabilities(isVideo ? "video" : "audio"),
    getConstraints: () => structuredClone(current),
    getSettings: () => (isVideo ? videoSettings(pictureSize(current)) : audioSettings()),
    clone: () => disguise(clone(), current, resize),
    async applyConstraints(/** @type {MediaTrackConstraints} */ wanted = {}) {
      if (isVideo) resize(pictureSize(wanted));
      current = wanted;
    },
  });
}

/**
 * A stream whose clones hold clones in the same disguise.
 * @param {MediaStream} stream
 * @returns {MediaStream}
 */
export function disguiseStream(stream) {
  const clone = () =>
    disguiseStream(new MediaStream(stream.getTracks().map((track) => track.clone())));
  return hide(stream, { clone });
}

/** @param {"video" | "audio"} kind */
function capabilities(kind) {
  if (kind === "audio") {
    return {
      deviceId: MICROPHONE_ID,
      groupId: GROUP_ID,
      autoGainControl: [false],
      echoCancellation: [false],
      noiseSuppression: [false],
      channelCount: { min: 1, max: 1 },
      sampleRate: { min: 48000, max: 48000 },
      sampleSize: { min: 16, max: 16 },
      latency: { min: 0.01, max: 0.01 },
    };
  }
  return {
    deviceId: CAMERA_ID,
    groupId: GROUP_ID,
    aspectRatio: { min: 1 / MOST.height, max: MOST.width },
    facingMode: [],
    frameRate: { min: 0, max: MOST.frameRate },
    height: { min: 1, max: MOST.height },
    width: { min: 1, max: MOST.width },
    resizeMode: ["none", "crop-and-scale"],
  };
}

/** @param {PictureSize} size */
function videoSettings({ width, height, frameRate }) {
  return {
    aspectRatio: width / height,
    deviceId: CAMERA_ID,
    frameRate: Math.min(frameRate, SHOWN_FPS),
    groupId: GROUP_ID,
    height,
    resizeMode: "none",
    width,
  };
}

function audioSettings() {
  return {
    autoGainControl: false,
    channelCount: 1,
    deviceId: MICROPHONE_ID,
    echoCancellation: false,
    groupId: GROUP_ID,
    latency: 0.01,
    noiseSuppression: false,
    sampleRate: 48000,
    sampleSize: 16,
  };
}

/**
 * @template {object} T
 * @param {T} object
 * @param {Record<string, Function>} methods
 * @returns {T}
 */
function hide(object, methods) {
  for (const [name, value] of Object.entries(methods)) {
    Object.defineProperty(object, name, { value, configurable: true, writable: true });
  }
  return object;
}
