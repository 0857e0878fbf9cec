import { ApiError } from "../likeness/api_error.js";

/** @import { GrantSession } from "../likeness/types.js" */

/**
 * Sessions from the site's own back end, which alone knows the key: it is POSTed the
 * wish as JSON, with the site's cookies, and answers what POST /v1/sessions answered.
 * With `session_id` it may answer a new token of that session instead.
 * @param {string} url
 * @returns {GrantSession}
 */
export function grantFrom(url) {
  return async (wish, signal, sessionId) => {
    const response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(sessionId ? { ...wish, session_id: sessionId } : wish),
      credentials: "same-origin",
      signal,
    });
    if (response.ok) return response.json();
    const retryAfter = response.headers.get("retry-after");
    throw ApiError.parse(response.status, await response.text(), retryAfter);
  };
}

/**
 * A browser does not tell a page why a request to another site failed; a plain question
 * that needs no leave does, where the server answers at all.
 * @param {string} server
 * @returns {Promise<boolean>} whether the server refuses pages of this site
 */
export async function isForeign(server) {
  try {
    const answer = await fetch(`${server}/v1/voices`, { credentials: "omit" });
    return answer.status === 403 && (await answer.json()).code === "origin_not_allowed";
  } catch {
    return false; // nobody answers
  }
}
