import { ApiError } from "../../likeness/api_error.js";

/** @import { Call } from "../background/calls.js" */
/** @import { Settings } from "../background/settings.js" */

/**
 * How things stand, in words.
 * @typedef {object} Standing
 * @property {"ready" | "live" | "waiting" | "trouble"} state
 * @property {string} text
 * @property {string} hint
 */

/**
 * What is wrong with the server, in words. Null: nothing.
 * @param {unknown} error
 * @param {string} server
 * @returns {string}
 */
export function problem(error, server) {
  if (!(error instanceof ApiError)) return `No server answers at ${server}. Start it there, or name another one.`;
  if (error.code === "key_missing") return "The server asks for a key: it is set below, under Server.";
  if (error.code === "key_wrong") return "The server does not know this key.";
  if (error.code === "origin_not_allowed") return "The server is too old for this extension, or another program's.";
  return error.message || `The server refused (${error.status}).`;
}

/**
 * @param {Settings} settings
 * @param {Call | null} call that Likeness is used in
 * @param {string} trouble with the server; empty: none
 * @returns {Standing}
 */
export function standing(settings, call, trouble) {
  if (!settings.on) return { state: "ready", text: "Off", hint: "Sites see your own devices, and nothing of Likeness." };
  if (!call?.report) {
    if (trouble) return { state: "trouble", text: "The server cannot be used", hint: trouble };
    return { state: "ready", text: "Ready", hint: "In your meeting, choose “Likeness” as camera and as microphone." };
  }
  const site = call.origin.replace(/^https?:\/\//, "");
  switch (call.report.phase) {
    case "live":
      return { state: "live", text: `Shown in ${site}`, hint: soundHint(settings, call) };
    case "full":
      return { state: "waiting", text: "All places are taken", hint: `${site} sees a still picture until one is free.` };
    case "refused":
      return { state: "trouble", text: "The server refused", hint: call.trouble || "See whether it runs, and asks for a key." };
    default:
      if (trouble) return { state: "trouble", text: "The server is away", hint: `${trouble} Until then ${site} sees a still picture.` };
      return { state: "waiting", text: "Connecting", hint: `${site} sees a still picture meanwhile.` };
  }
}

/**
 * @param {Settings} settings
 * @param {Call} call
 */
function soundHint({ puppet }, { report }) {
  if (!report?.camera) return "As microphone only; choose it as camera as well to be seen.";
  if (report.microphone) return report.speaking ? "Speaking." : "With its voice.";
  return puppet
    ? "Your own microphone is ahead of the lips: choose Likeness as microphone as well."
    : "Without its voice: choose Likeness as microphone as well.";
}

/**
 * What puppet mode costs.
 * @param {Call | null} call
 */
export function delayWords(call) {
  const report = call?.report;
  if (report?.phase !== "live") return "Your microphone is heard, a moment later, from lips that say it.";
  const server = report.serverDelayMs === null ? "" : `, ${report.serverDelayMs} ms of them the server's`;
  if (report.delayMs === null) return "Say something, and the added delay is measured here.";
  return `Heard ${report.delayMs} ms after you say it${server}.`;
}
