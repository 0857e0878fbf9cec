/** @import { SourcePhase } from "./live_source.js" */

/**
 * What a frame may know of the settings; neither server nor key are among it.
 * @typedef {object} FrameSettings
 * @property {boolean} on
 * @property {boolean} byDefault
 * @property {boolean} puppet the visitor's own voice moves the portrait
 * @property {string} look changes when the session has to be made anew
 */

/**
 * How the call goes, for the popup.
 * @typedef {object} Report
 * @property {SourcePhase} phase
 * @property {boolean} camera whether the site has our camera
 * @property {boolean} microphone whether the site has our microphone
 * @property {boolean} speaking
 * @property {number | null} delayMs from the real microphone to ours, as measured
 * @property {number | null} serverDelayMs the part of it that is the server's
 */

/** The server said no, in its own words. */
export class Refusal extends Error {
  /** @param {{status: number, code: string, message: string, retryAfterS: number}} said */
  constructor({ status, code, message, retryAfterS }) {
    super(message);
    this.code = code;
    this.retryAfterS = retryAfterS;
    this.isPassing = status === 503 || status === 429;
  }
}

/** Asks the service worker, which alone knows the server, the key and the token. */
export class BackgroundLink {
  /** @returns {Promise<FrameSettings>} */
  settings() {
    return send({ type: "settings" });
  }

  /** @returns {Promise<string | null>} data URL of the portrait, as last seen */
  preview() {
    return send({ type: "preview" });
  }

  /** @returns {Promise<RTCIceServer[]>} of this frame's session, made if there is none */
  open() {
    return send({ type: "open" });
  }

  /**
   * @param {RTCSessionDescriptionInit} offer
   * @returns {Promise<RTCSessionDescriptionInit>}
   */
  async offer({ sdp }) {
    return { type: "answer", sdp: await send({ type: "offer", sdp }) };
  }

  /** @param {Report} report */
  report(report) {
    send({ type: "report", report }).catch(() => {});
  }

  close() {
    send({ type: "close" }).catch(() => {});
  }
}

/**
 * @param {object} message
 * @throws {Refusal}
 * @throws {Error} the server does not answer, or the extension is gone
 */
async function send(message) {
  const reply = await chrome.runtime.sendMessage(message);
  if (reply?.refusal) throw new Refusal(reply.refusal);
  if (!reply || reply.failed) throw new Error("no answer");
  return reply.value;
}
