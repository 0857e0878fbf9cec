import { Api } from "../../likeness/api.js";
import { ApiError } from "../../likeness/api_error.js";
import { loadSettings, lookOf } from "./settings.js";

/** @import { SessionGrant } from "../../likeness/types.js" */
/** @import { Report } from "../frame/background_link.js" */
/** @import { Settings } from "./settings.js" */

const KEEP_EVERY_MS = 15_000;
const STALE_MS = 90_000; // without a report the frame is gone

/**
 * One frame's use of Likeness.
 * @typedef {object} Call
 * @property {string} origin of the site
 * @property {string} look of the session
 * @property {string} server it was made with
 * @property {SessionGrant | null} grant
 * @property {Report | null} report
 * @property {string} trouble what the server refused, in its words; empty: nothing
 * @property {string} troubleCode
 * @property {number} keptAt
 * @property {number} seenAt
 */

/**
 * The sessions of all frames. They lie in chrome.storage.session, in memory and readable
 * for the extension alone, since a service worker may be stopped at any time.
 */
export class Calls {
  /** @type {Promise<unknown>} */
  #turn = Promise.resolve();

  /** @returns {Promise<Record<string, Call>>} by frame */
  static async all() {
    const { calls = {} } = await chrome.storage.session.get("calls");
    const now = Date.now();
    return Object.fromEntries(
      Object.entries(calls).filter(([, call]) => now - call.seenAt < STALE_MS),
    );
  }

  /**
   * @param {string} frame
   * @param {string} origin
   * @returns {Promise<RTCIceServer[]>}
   * @throws {ApiError | TypeError}
   */
  async open(frame, origin) {
    const settings = await loadSettings();
    const look = lookOf(settings);
    const known = (await Calls.all())[frame];
    if (known?.grant && known.look === look) return known.grant.ice_servers ?? [];
    if (known?.grant) this.#free(known, settings);
    try {
      const grant = await apiOf(settings).createSession(wish(settings));
      await this.#change(frame, { origin, look, server: settings.server, grant, trouble: "", troubleCode: "" });
      return grant.ice_servers ?? [];
    } catch (error) {
      await this.#change(frame, { origin, look, grant: null, ...troubleOf(error) });
      throw error;
    }
  }

  /**
   * @param {string} frame
   * @param {string} sdp
   * @returns {Promise<string>} the answer
   * @throws {ApiError | TypeError}
   */
  async offer(frame, sdp) {
    const grant = (await Calls.all())[frame]?.grant;
    if (!grant) throw new ApiError(404, "session_gone", "");
    try {
      const answer = await apiOf(await loadSettings()).offer(grant, { type: "offer", sdp });
      return answer.sdp ?? "";
    } catch (error) {
      // Only a full or busy server will have the same session a moment later.
      if (error instanceof ApiError && !error.retryable) await this.#change(frame, { grant: null });
      throw error;
    }
  }

  /**
   * @param {string} frame
   * @param {Report} report
   */
  async report(frame, report) {
    const call = (await Calls.all())[frame];
    if (!call) return;
    const now = Date.now();
    const isDue = call.grant && report.phase === "live" && now - call.keptAt > KEEP_EVERY_MS;
    await this.#change(frame, { report, ...(isDue && { keptAt: now }) });
    if (isDue && call.grant) this.#keep(frame, call.grant); // a server that is slow holds up nobody
  }

  /** @param {string} frame */
  async close(frame) {
    const call = (await Calls.all())[frame];
    if (call) this.#free(call, await loadSettings());
    await this.#write((calls) => delete calls[frame]);
  }

  /** @param {number} tabId */
  async closeTab(tabId) {
    const frames = Object.keys(await Calls.all()).filter((frame) => frame.startsWith(`${tabId}:`));
    for (const frame of frames) await this.close(frame);
  }

  /**
   * @param {string} frame
   * @param {SessionGrant} grant
   */
  async #keep(frame, grant) {
    try {
      await apiOf(await loadSettings()).keepAlive(grant); // its token is a new one now
      await this.#change(frame, { grant });
    } catch (error) {
      if (error instanceof ApiError && error.isGone) await this.#change(frame, { grant: null });
    }
  }

  /**
   * @param {Call} call
   * @param {Settings} settings
   */
  #free(call, settings) {
    if (call.grant && call.server === settings.server) apiOf(settings).freeSession(call.grant);
  }

  /**
   * @param {string} frame
   * @param {Partial<Call>} changes
   */
  #change(frame, changes) {
    return this.#write((calls) => {
      // A frame that has gone meanwhile does not come back with its last words.
      if (!calls[frame] && !changes.origin) return;
      const blank = { origin: "", look: "", server: "", grant: null, report: null, trouble: "", troubleCode: "", keptAt: 0 };
      calls[frame] = { ...blank, ...calls[frame], ...changes, seenAt: Date.now() };
    });
  }

  /**
   * One after another, or two would overwrite each other.
   * @param {(calls: Record<string, Call>) => void} change
   */
  #write(change) {
    this.#turn = this.#turn.then(async () => {
      const calls = await Calls.all();
      change(calls);
      await chrome.storage.session.set({ calls });
    });
    return this.#turn;
  }
}

/** @param {Settings} settings */
export function apiOf({ server, key }) {
  return new Api(server, key || null);
}

/** @param {Settings} settings */
function wish({ identity, voice, puppet }) {
  return {
    identity,
    voice: voice || null,
    language: null,
    // It neither listens nor thinks: it says what is typed, or what the microphone says.
    mode: puppet ? "puppet" : "lite",
  };
}

/** @param {unknown} error */
function troubleOf(error) {
  if (error instanceof ApiError) return { trouble: error.message, troubleCode: error.code };
  return { trouble: "", troubleCode: "unreachable" };
}
