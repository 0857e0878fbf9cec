const PASSING = [408, 425, 429]; // and every 5xx: the server's trouble, not the request's

/**
 * @typedef {object} ErrorDetails
 * @property {number} [retryAfterS] seconds that the server asks to wait; 0: it named none
 * @property {boolean} [retryable] left out: as `status` says
 * @property {string} [sourceEventId] the command that failed
 * @property {string} [utteranceId] the utterance that failed
 * @property {unknown} [cause]
 */

/**
 * What went wrong: a refusal by the server in its own plain words, an `error` event of
 * its session, or a trouble of this side's.
 *
 * `code` is stable and for programs (PROTOCOL.md has the server's; this side's own are
 * `media_blocked`, `microphone_lost`, `queue_full`, `not_sent`, `grant_failed`,
 * `grant_invalid` and `webrtc_missing`); `message` is for people, and empty where there are no words.
 */
export class ApiError extends Error {
  /**
   * @param {number} status HTTP status; 0 where it was no HTTP answer
   * @param {string} code
   * @param {string} message
   * @param {ErrorDetails} [details]
   */
  constructor(status, code, message, details = {}) {
    super(message, { cause: details.cause });
    this.name = "ApiError";
    this.status = status;
    this.code = code;
    this.retryAfterS = details.retryAfterS ?? 0;
    const passes = status >= 500 || PASSING.includes(status) || this.retryAfterS > 0;
    /** Whether the same may well succeed a little later. */
    this.retryable = details.retryable ?? passes;
    /** The `event_id` of the command that failed, where there is one. */
    this.sourceEventId = details.sourceEventId ?? null;
    this.utteranceId = details.utteranceId ?? null;
  }

  /**
   * @param {number} status
   * @param {string} body
   * @param {string | null} retryAfter the header: seconds, or a date
   */
  static parse(status, body, retryAfter = null) {
    const details = { retryAfterS: seconds(retryAfter) };
    try {
      const { code, message } = JSON.parse(body);
      return new ApiError(status, String(code ?? ""), String(message ?? ""), details);
    } catch {
      return new ApiError(status, "", "", details); // a proxy's page, not our server's words
    }
  }

  /** @param {Response} response that is not ok */
  static async from(response) {
    const retryAfter = response.headers.get("retry-after");
    return ApiError.parse(response.status, await response.text(), retryAfter);
  }

  /** @param {import("./types.js").AvatarEvent} event of type `error` */
  static of({ code = "", message = "", retryable, source_event_id, utterance_id }) {
    return new ApiError(0, code, message, {
      retryable,
      sourceEventId: source_event_id,
      utteranceId: utterance_id,
    });
  }

  /**
   * The same, of this command.
   * @param {string} sourceEventId
   */
  about(sourceEventId) {
    const { status, code, message, retryAfterS, retryable, cause } = this;
    const details = { retryAfterS, retryable, cause, sourceEventId };
    return new ApiError(status, code, message, details);
  }

  /** Whether the session or identity that was named does not exist (any more). */
  get isGone() {
    return [401, 403, 404, 410].includes(this.status);
  }

  /** Whether a key is asked for, or the one given is not right. */
  get isAboutKey() {
    return this.code.startsWith("key_");
  }
}

/** @param {string | null} retryAfter */
function seconds(retryAfter) {
  const number = Number(retryAfter);
  if (Number.isFinite(number)) return Math.max(0, number);
  const ms = Date.parse(retryAfter ?? "") - Date.now();
  return ms > 0 ? ms / 1000 : 0;
}
