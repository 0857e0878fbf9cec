/** A refusal by the server, in its own plain words. */
export class ApiError extends Error {
  /**
   * @param {number} status HTTP status
   * @param {string} code stable, for programs
   * @param {string} message for people; empty when the server gave none
   * @param {number} retryAfterS 0 when the server named no time
   */
  constructor(status, code, message, retryAfterS = 0) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.code = code;
    this.retryAfterS = retryAfterS;
  }

  /**
   * @param {number} status
   * @param {string} body
   * @param {string | null} retryAfter the header, in seconds
   */
  static parse(status, body, retryAfter = null) {
    const wait = Number(retryAfter) || 0;
    try {
      const { code, message } = JSON.parse(body);
      return new ApiError(status, String(code ?? ""), String(message ?? ""), wait);
    } catch {
      return new ApiError(status, "", "", wait); // a proxy's page, not our server's words
    }
  }

  /** Whether the session or identity that was named does not exist (any more). */
  get isGone() {
    return [401, 403, 404, 410].includes(this.status);
  }

  /** Whether the same request may well succeed a little later. */
  get isPassing() {
    return this.status === 503 || this.status === 429;
  }

  /** Whether a key is asked for, or the one given is not right. */
  get isAboutKey() {
    return this.code.startsWith("key_");
  }
}
