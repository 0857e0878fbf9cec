const LOOK_MS = 2_000;
const RENEW_MS = 60_000; // so long before its end a token is renewed

/**
 * @typedef {object} SessionFacts
 * @property {string} id empty: there is none
 * @property {number | null} viewers null: not known
 * @property {number | null} mediaMs
 * @property {number | null} expiresInS of the token that can be copied
 */

/** @typedef {{viewers?: number, media_ms?: number, token?: string, expires_at?: string}} SessionAnswer */

/** Asks the server every other second how a session is. */
export class SessionWatch {
  #key;
  #onFacts;
  #id = "";
  /** @type {string | null} */
  #token = null;
  /** @type {number | null} */
  #expiresMs = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #round = 0;

  /**
   * @param {string | null} key of the server
   * @param {(facts: SessionFacts) => void} onFacts
   */
  constructor(key, onFacts) {
    this.#key = key;
    this.#onFacts = onFacts;
  }

  /** @returns {string | null} */
  get token() {
    return this.#token;
  }

  get path() {
    return `/v1/sessions/${this.#id}`;
  }

  /**
   * @param {string} id
   * @param {string | null} token
   * @param {string | null} expiresAt ISO 8601; null: not known
   */
  follow(id, token, expiresAt) {
    this.#id = id;
    this.renew(token, expiresAt);
    clearTimeout(this.#timer);
    this.#look(++this.#round);
  }

  /**
   * @param {string | null} token
   * @param {string | null} expiresAt
   */
  renew(token, expiresAt) {
    this.#token = token;
    this.#expiresMs = expiresAt ? Date.parse(expiresAt) : null;
  }

  /** @param {number} round only the newest goes on */
  async #look(round) {
    const { viewers, media_ms } = await this.#ask();
    if (round === this.#round && this.#isEnding) await this.#renew(round);
    if (round !== this.#round) return;
    this.#onFacts({
      id: this.#id,
      viewers: viewers ?? null,
      mediaMs: media_ms ?? null,
      expiresInS: this.#expiresMs === null ? null : (this.#expiresMs - Date.now()) / 1000,
    });
    this.#timer = setTimeout(() => this.#look(round), LOOK_MS);
  }

  get #isEnding() {
    const leftMs = (this.#expiresMs ?? Infinity) - Date.now();
    return leftMs > 0 && leftMs < RENEW_MS;
  }

  /**
   * The client renews a token of its own; this one would end with the hour.
   * @param {number} round another session may be followed meanwhile
   */
  async #renew(round) {
    const { token, expires_at } = await this.#ask("/keepalive", "POST");
    if (token && round === this.#round) this.renew(token, expires_at ?? null);
  }

  /**
   * @param {string} [below] its path
   * @param {string} [method]
   * @returns {Promise<SessionAnswer>} nothing, where it is gone
   */
  async #ask(below = "", method = "GET") {
    const credential = this.#token ?? this.#key;
    const headers = credential ? { authorization: `Bearer ${credential}` } : undefined;
    try {
      const answer = await fetch(this.path + below, { method, headers });
      return answer.ok ? await answer.json() : {};
    } catch {
      return {};
    }
  }
}
