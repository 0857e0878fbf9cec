import { ApiError } from "./api_error.js";
import { newId } from "./new_id.js";

/** @import { Api } from "./api.js" */
/** @import { LikenessOptions, SessionGrant, Wish } from "./types.js" */

const BEGIN_DEADLINE_MS = 20_000;
const KEEP_ALIVE_MS = 15_000; // or half of the token's life, where that is shorter

/**
 * The session that is ours for now: asked for, renewed, given back.
 *
 * It comes from the page's own back end where there is one (`grant`), else from the
 * server itself; or it is somebody else's that we only join.
 */
export class Lease {
  #api;
  #wish;
  #ask;
  #join;
  /** @type {SessionGrant | null} */
  #grant = null;
  #isExpired = false;
  #dueMs = 0; // when the token is to be renewed, of performance.now()
  #viewerId = newId(); // so that no other viewer of the session gives way to us

  /**
   * @param {Api} api
   * @param {Wish} wish
   * @param {Pick<LikenessOptions, "grant" | "join">} options
   */
  constructor(api, wish, { grant, join }) {
    this.#api = api;
    this.#wish = wish;
    this.#ask = grant ?? null;
    this.#join = join ?? null;
  }

  /** @returns {string | null} */
  get sessionId() {
    return this.#grant?.session_id ?? null;
  }

  /** Whether the session is somebody else's: when it is over, there is no other. */
  get isJoined() {
    return this.#join !== null;
  }

  /** Whether it is time for `keepAlive`. */
  get isDue() {
    return this.#grant !== null && performance.now() > this.#dueMs;
  }

  /**
   * The session, the same as long as it lasts.
   * @param {AbortSignal} signal
   * @returns {Promise<SessionGrant>}
   * @throws {ApiError} a refusal, by the server or the page's back end
   * @throws {TypeError} when nobody answers
   */
  async take(signal) {
    if (!this.#grant || this.#isExpired) {
      const given = this.#join ?? (await this.#begin(signal));
      this.#grant = { ...given, viewer_id: this.#viewerId };
      this.#isExpired = false;
      // A token whose age nobody tells, such as a link's, may be near its end.
      this.#dueMs = given.expires_in_s === undefined ? 0 : this.#nextMs;
    }
    if (!this.#grant.ice_servers) await this.#api.completeGrant(this.#grant, signal);
    return this.#grant;
  }

  /**
   * Tell the server that the session is still wanted, and renew its token.
   * @throws {ApiError}
   */
  async keepAlive() {
    this.#dueMs = this.#nextMs; // also where this fails
    if (this.#grant) await this.#api.keepAlive(this.#grant);
    this.#dueMs = this.#nextMs;
  }

  /**
   * @param {object} command that no data channel carries
   * @throws {ApiError}
   * @throws {TypeError} when nobody answers, or there is no session just now
   */
  async send(command) {
    if (!this.#grant) throw new TypeError("no session");
    await this.#api.command(this.#grant, command);
  }

  /**
   * @param {string} token that takes the place of the last one
   * @param {number} [expiresInS]
   */
  renew(token, expiresInS) {
    if (!this.#grant) return;
    Object.assign(this.#grant, { token, expires_in_s: expiresInS });
    this.#dueMs = this.#nextMs;
  }

  /**
   * The token is too old; `take` asks for another one of the same session.
   * @returns {boolean} false: there is nobody to ask
   */
  expire() {
    this.#isExpired = this.#grant !== null && !this.#join;
    return this.#isExpired;
  }

  /** The server knows the session no more, or will not have us in it again. */
  drop() {
    this.#grant = null;
    this.#isExpired = false;
  }

  /** It is not needed any more. May be called while the page goes. */
  giveBack() {
    if (this.#grant && !this.#join) this.#api.freeSession(this.#grant);
    this.#grant = null;
  }

  get #nextMs() {
    const halfMs = 500 * (this.#grant?.expires_in_s ?? Infinity);
    return performance.now() + Math.min(KEEP_ALIVE_MS, halfMs);
  }

  /** @returns {Promise<SessionGrant>} a session, or the one there is with a new token */
  #asked() {
    const old = this.#isExpired ? this.#grant : null;
    return old ? this.#api.newToken(old) : this.#api.createSession(this.#wish);
  }

  /** @param {AbortSignal} signal */
  async #begin(signal) {
    const deadline = AbortSignal.any([signal, AbortSignal.timeout(BEGIN_DEADLINE_MS)]);
    const asked = this.#ask ? this.#granted(deadline) : this.#asked();
    // A session that comes too late is nobody's: it is given back as soon as it is known.
    const isLate = (/** @type {SessionGrant} */ grant) => {
      if (deadline.aborted) this.#api.freeSession(grant);
    };
    asked.then(isLate, () => {});
    return await Promise.race([asked, aborted(deadline)]);
  }

  /** @param {AbortSignal} deadline */
  async #granted(deadline) {
    const ask = /** @type {NonNullable<LikenessOptions["grant"]>} */ (this.#ask);
    try {
      const old = this.#isExpired ? this.sessionId : null;
      return await read(await ask({ ...this.#wish }, deadline, old));
    } catch (cause) {
      if (cause instanceof ApiError) throw cause;
      const message = cause instanceof Error ? cause.message : String(cause);
      throw new ApiError(0, "grant_failed", message, { retryable: true, cause });
    }
  }
}

/**
 * @param {SessionGrant | Response} granted
 * @returns {Promise<SessionGrant>}
 */
async function read(granted) {
  if (granted instanceof Response) {
    if (!granted.ok) throw await ApiError.from(granted);
    granted = /** @type {SessionGrant} */ (await granted.json());
  }
  if (typeof granted?.session_id === "string") return granted;
  const message = "grant() must resolve to what POST /v1/sessions answers: session_id, token, ...";
  throw new ApiError(0, "grant_invalid", message);
}

/**
 * @param {AbortSignal} signal
 * @returns {Promise<never>} rejects when it is aborted
 */
function aborted(signal) {
  return new Promise((_, reject) => {
    const give = () => reject(signal.reason);
    if (signal.aborted) give();
    else signal.addEventListener("abort", give, { once: true });
  });
}
