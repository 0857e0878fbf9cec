import { ApiError } from "./api_error.js";

/** @import { Consent, IdentityStatus, SessionGrant, VoiceInfo, Wish } from "./types.js" */

const REQUEST_DEADLINE_MS = 12_000; // an answer waits for the server's ICE gathering
const UPLOAD_DEADLINE_MS = 120_000; // a phone's photo over a slow link

/** The REST part of the interface. Throws ApiError, or TypeError when nobody answers. */
export class Api {
  #base;
  #key;
  #fetch;

  /**
   * @param {string} base where the server is, a path before `/v1` included; "": where
   *   the page came from
   * @throws {TypeError} when that is no http or https address
   * @param {string | null} [key] for servers that ask for one
   * @param {typeof globalThis.fetch} [fetch]
   */
  constructor(base, key = null, fetch = globalThis.fetch.bind(globalThis)) {
    const { href, protocol } = new URL(base || "/", globalThis.location.href);
    if (!/^https?:$/.test(protocol)) throw new TypeError(`server: no http address: ${base}`);
    this.#base = href.replace(/\/+$/, "");
    this.#key = key;
    this.#fetch = fetch;
  }

  /**
   * @param {AbortSignal} [signal]
   * @returns {Promise<VoiceInfo[]>}
   */
  async voices(signal) {
    const answer = await this.#json("/v1/voices", { headers: this.#bearer(null) }, signal);
    return Array.isArray(answer) ? answer : answer.voices;
  }

  /**
   * @param {Wish} wish
   * @param {AbortSignal} [signal]
   * @returns {Promise<SessionGrant>}
   */
  createSession(wish, signal) {
    const known = Object.entries(wish).filter(([, value]) => value !== null);
    return this.#post("/v1/sessions", Object.fromEntries(known), null, signal);
  }

  /**
   * Learn the ICE servers of a session that somebody else began.
   * @param {SessionGrant} grant
   * @param {AbortSignal} [signal]
   */
  async completeGrant(grant, signal) {
    const answer = await this.#json(this.#session(grant), { headers: this.#bearer(grant) }, signal);
    grant.ice_servers = answer.ice_servers;
  }

  /**
   * @param {SessionGrant} grant
   * @param {RTCSessionDescriptionInit} offer
   * @param {AbortSignal} [signal]
   * @returns {Promise<RTCSessionDescriptionInit>} the answer
   */
  offer(grant, { sdp, type }, signal) {
    const body = { sdp, type, ...(grant.viewer_id && { viewer_id: grant.viewer_id }) };
    return this.#post(grant.offer_url ?? `${this.#session(grant)}/offer`, body, grant, signal);
  }

  /**
   * Commands that no data channel carries.
   * @param {SessionGrant} grant
   * @param {object} message at most 1,000,000 bytes of JSON
   */
  async command(grant, message) {
    await this.#post(`${this.#session(grant)}/commands`, message, grant);
  }

  /**
   * Another token, where the key makes it or the server is open.
   * @param {SessionGrant} grant whose token is too old
   * @returns {Promise<SessionGrant>} of the same session
   */
  newToken(grant) {
    return this.#post(`${this.#session(grant)}/tokens`, { scope: "control" }, null);
  }

  /**
   * Tell the session that it is still wanted.
   * @param {SessionGrant} grant its token and its ICE servers are renewed
   */
  async keepAlive(grant) {
    const { token, expires_in_s, ice_servers } = await this.#json(`${this.#session(grant)}/keepalive`, {
      method: "POST",
      headers: this.#bearer(grant),
    });
    Object.assign(grant, { token, expires_in_s, ice_servers });
  }

  /**
   * Give the session back. The request outlives the page, so it may be sent while the
   * page goes; nobody is left to hear of a failure, and the server's timeouts cover it.
   * @param {SessionGrant} grant
   */
  freeSession(grant) {
    this.#fetch(this.#url(this.#session(grant)), {
      method: "DELETE",
      headers: this.#bearer(grant),
      keepalive: true,
    }).catch(() => {});
  }

  /**
   * @param {Blob} photo
   * @param {string} name
   * @param {Consent} consent
   * @param {(part: number) => void} onProgress 0 to 1, of the upload alone
   * @param {AbortSignal} signal
   * @returns {Promise<IdentityStatus>}
   */
  uploadPhoto(photo, name, consent, onProgress, signal) {
    const form = new FormData();
    form.append("photo", photo, name || "photo");
    form.append("name", name);
    form.append("consent", consent.statement);
    form.append("consent_by", consent.by);
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest(); // fetch cannot tell how much has left
      request.open("POST", this.#url("/v1/identities"));
      for (const [name, value] of Object.entries(this.#bearer(null))) {
        request.setRequestHeader(name, value);
      }
      request.timeout = UPLOAD_DEADLINE_MS;
      request.upload.onprogress = ({ loaded, total }) => onProgress(loaded / total);
      request.onload = () => {
        if (request.status < 300) resolve(JSON.parse(request.responseText));
        else reject(ApiError.parse(request.status, request.responseText));
      };
      request.onerror = () => reject(new TypeError("upload failed"));
      request.ontimeout = () => reject(new DOMException("upload", "TimeoutError"));
      signal.addEventListener("abort", () => {
        request.abort();
        reject(signal.reason);
      });
      request.send(form);
    });
  }

  /**
   * @param {string} id
   * @param {AbortSignal} [signal]
   * @returns {Promise<IdentityStatus>}
   */
  identity(id, signal) {
    const path = `/v1/identities/${encodeURIComponent(id)}`;
    return this.#json(path, { headers: this.#bearer(null) }, signal);
  }

  /** @param {string} id */
  async deleteIdentity(id) {
    const path = `/v1/identities/${encodeURIComponent(id)}`;
    await this.#send(path, { method: "DELETE", headers: this.#bearer(null) });
  }

  /** @param {string} id */
  previewUrl(id) {
    return this.#url(`/v1/identities/${encodeURIComponent(id)}/preview.png`);
  }

  /** @param {SessionGrant} grant */
  #session(grant) {
    return `/v1/sessions/${encodeURIComponent(grant.session_id)}`;
  }

  /**
   * @param {SessionGrant | null} grant
   * @returns {Record<string, string>}
   */
  #bearer(grant) {
    const credential = grant?.token ?? this.#key;
    return credential ? { authorization: `Bearer ${credential}` } : {};
  }

  /** @param {string} path */
  #url(path) {
    return /^https?:/.test(path) ? path : this.#base + path;
  }

  /**
   * @param {string} path
   * @param {object} body
   * @param {SessionGrant | null} grant
   * @param {AbortSignal} [signal]
   */
  #post(path, body, grant, signal) {
    const headers = { "content-type": "application/json", ...this.#bearer(grant) };
    return this.#json(
      path,
      { method: "POST", headers, body: JSON.stringify(body) },
      signal,
    );
  }

  /**
   * @param {string} path
   * @param {RequestInit} init
   * @param {AbortSignal} [signal]
   */
  async #json(path, init, signal) {
    return (await this.#send(path, init, signal)).json();
  }

  /**
   * @param {string} path
   * @param {RequestInit} init
   * @param {AbortSignal} [signal]
   */
  async #send(path, init, signal) {
    const deadline = AbortSignal.timeout(REQUEST_DEADLINE_MS);
    const either = signal ? AbortSignal.any([signal, deadline]) : deadline;
    const response = await this.#fetch(this.#url(path), { ...init, signal: either });
    if (response.ok) return response;
    throw await ApiError.from(response);
  }
}
