import { ApiError } from "../../likeness/api_error.js";

/** @import { Call } from "../background/calls.js" */
/** @import { Settings } from "../background/settings.js" */

const DEADLINE_MS = 8_000;

/**
 * @typedef {object} Identity
 * @property {string} identity_id
 * @property {string} name
 * @property {string} status
 */

/** The server as the popup needs it. Throws ApiError, or TypeError when nobody answers. */
export class Server {
  #base;
  #key;

  /** @param {Settings} settings */
  constructor({ server, key }) {
    this.#base = server;
    this.#key = key;
  }

  /** @returns {Promise<Identity[]>} those that can be shown */
  async identities() {
    const answer = await this.#send("/v1/identities?limit=100", this.#key);
    /** @type {{identities: Identity[]}} */
    const { identities } = await answer.json();
    return identities.filter(({ status }) => status === "ready");
  }

  /**
   * @param {string} id
   * @returns {Promise<Blob>}
   */
  async preview(id) {
    const path = `/v1/identities/${encodeURIComponent(id)}/preview.png`;
    return (await this.#send(path, this.#key)).blob();
  }

  /**
   * @param {Call} call
   * @param {object} command
   */
  async command({ grant }, command) {
    if (!grant) throw new ApiError(410, "session_gone", "");
    const path = `/v1/sessions/${encodeURIComponent(grant.session_id)}/commands`;
    await this.#send(path, grant.token ?? this.#key, command);
  }

  /**
   * @param {string} path
   * @param {string} credential
   * @param {object} [body]
   */
  async #send(path, credential, body) {
    const answer = await fetch(new URL(path, this.#base), {
      method: body ? "POST" : "GET",
      body: body && JSON.stringify(body),
      headers: {
        ...(credential && { authorization: `Bearer ${credential}` }),
        ...(body && { "content-type": "application/json" }),
      },
      signal: AbortSignal.timeout(DEADLINE_MS),
    });
    if (answer.ok) return answer;
    throw ApiError.parse(answer.status, await answer.text());
  }
}
