import { ApiError } from "../../likeness/api_error.js";

/** @import { Messages } from "../../page/messages.js" */
/** @import { Call } from "../background/calls.js" */
/** @import { Settings } from "../background/settings.js" */

/**
 * How things stand, in words.
 * @typedef {object} Standing
 * @property {"ready" | "live" | "waiting" | "trouble"} state
 * @property {string} text
 * @property {string} hint
 */

// What a refusal is called -> what the user reads.
const REFUSALS = new Map([
  ["key_missing", "keyMissing"],
  ["key_wrong", "keyWrong"],
  ["origin_not_allowed", "tooOld"],
]);

/**
 * What is wrong with the server, in words.
 * @param {Messages} messages
 * @param {unknown} error
 * @param {string} server
 * @returns {string}
 */
export function problem(messages, error, server) {
  if (!(error instanceof ApiError)) return messages.say("unreachable", { server });
  const known = REFUSALS.get(error.code);
  if (known) return messages.say(known);
  return error.message || messages.say("refusedWith", { status: error.status });
}

/**
 * @param {Messages} messages
 * @param {Settings} settings
 * @param {Call | null} call that Likeness is used in
 * @param {string} trouble with the server; empty: none
 * @returns {Standing}
 */
export function standing(messages, settings, call, trouble) {
  const site = call?.origin.replace(/^https?:\/\//, "") ?? "";
  const say = (/** @type {string} */ key) => messages.say(key, { site, trouble });
  if (!settings.on) return { state: "ready", text: say("off"), hint: say("offHint") };
  if (!call?.report) {
    if (trouble) return { state: "trouble", text: say("unusable"), hint: trouble };
    return { state: "ready", text: say("ready"), hint: say("readyHint") };
  }
  switch (call.report.phase) {
    case "live":
      return { state: "live", text: say("shown"), hint: say(soundKey(settings, call)) };
    case "full":
      return { state: "waiting", text: say("full"), hint: say("fullHint") };
    case "refused":
      return { state: "trouble", text: say("refused"), hint: call.trouble || say("refusedHint") };
    default:
      if (trouble) return { state: "trouble", text: say("away"), hint: say("awayHint") };
      return { state: "waiting", text: say("connecting"), hint: say("connectingHint") };
  }
}

/**
 * @param {Settings} settings
 * @param {Call} call
 */
function soundKey({ puppet }, { report }) {
  if (!report?.camera) return "microphoneOnly";
  if (report.microphone) return report.speaking ? "speaking" : "withVoice";
  return puppet ? "ahead" : "noVoice";
}

/**
 * What puppet mode costs.
 * @param {Messages} messages
 * @param {Call | null} call
 */
export function delayWords(messages, call) {
  const report = call?.report;
  if (report?.phase !== "live") return messages.say("puppetHint");
  if (report.delayMs === null) return messages.say("sayToMeasure");
  const values = { delay: report.delayMs, server: report.serverDelayMs ?? "" };
  return messages.say(report.serverDelayMs === null ? "heard" : "heardServer", values);
}
