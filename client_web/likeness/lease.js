import { ApiError } from "./api_error.js";
import { newId } from "./new_id.js";

/** @import { Api } from "./api.js" */
/** @import { LikenessOptions, SessionGrant, Wish } from "./types.js" */

const BEGIN_DEADLINE_MS = 20_000;

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

  /**
   * The session, the same as long as it lasts.
   * @param {AbortSignal} signal
   * @returns {Promise<SessionGrant>}
   * @throws {ApiError} a refusal, by the server or the page's back end
   * @throws {TypeError} when nobody answers
   */
  async take(signal) {
    this.#grant ??= { ...(this.#join ?? (await this.#begin(signal))), viewer_id: this.#viewerId };
    if (!this.#grant.ice_servers) await this.#api.completeGrant(this.#grant, signal);
    return this.#grant;
  }

  /**
   * Tell the server that the session is still wanted, and renew its token.
   * @throws {ApiError}
   */
  async keepAlive() {
    if (this.#grant) await this.#api.keepAlive(this.#grant);
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

  /** @param {string} token that takes the place of the last one */
  renew(token) {
    if (this.#grant) this.#grant.token = token;
  }

  /** The server knows the session no more, or will not have us in it again. */
  drop() {
    this.#grant = null;
  }

  /** It is not needed any more. May be called while the page goes. */
  giveBack() {
    if (this.#grant && !this.#join) this.#api.freeSession(this.#grant);
    this.#grant = null;
  }

  /** @param {AbortSignal} signal */
  async #begin(signal) {
    const deadline = AbortSignal.any([signal, AbortSignal.timeout(BEGIN_DEADLINE_MS)]);
    const asked = this.#ask ? this.#granted(deadline) : this.#api.createSession(this.#wish);
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
      return await read(await ask({ ...this.#wish }, deadline));
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
