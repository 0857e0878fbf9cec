/** @import { Report } from "../frame/background_link.js" */

const MOST_SDP = 64 * 1024; // the server's own limit
const PHASES = ["connecting", "live", "reconnecting", "full", "refused", "closed"];

/**
 * @typedef {{type: "settings" | "preview" | "open" | "close"}
 *   | {type: "offer", sdp: string}
 *   | {type: "report", report: Report}} Message
 */

/**
 * What a frame says, checked: a site that has broken out of its renderer could say
 * anything in a frame's name. Null: none of ours.
 * @param {any} message
 * @returns {Message | null}
 */
export function readMessage(message) {
  switch (message?.type) {
    case "settings":
    case "preview":
    case "open":
    case "close":
      return { type: message.type };
    case "offer": {
      const { sdp } = message;
      return typeof sdp === "string" && sdp.length <= MOST_SDP ? { type: "offer", sdp } : null;
    }
    case "report":
      return { type: "report", report: readReport(message.report ?? {}) };
    default:
      return null;
  }
}

/**
 * @param {any} report
 * @returns {Report}
 */
function readReport(report) {
  return {
    phase: PHASES.includes(report.phase) ? report.phase : "closed",
    camera: report.camera === true,
    microphone: report.microphone === true,
    speaking: report.speaking === true,
    delayMs: milliseconds(report.delayMs),
    serverDelayMs: milliseconds(report.serverDelayMs),
  };
}

/** @param {unknown} value */
function milliseconds(value) {
  return typeof value === "number" && Number.isFinite(value) ? Math.round(value) : null;
}
