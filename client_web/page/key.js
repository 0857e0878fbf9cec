/** @import { Memory } from "./memory.js" */

/**
 * The server's key, given once in the address (#key=...) and then remembered; a fragment
 * never leaves the browser.
 * @param {Memory} memory
 * @param {Location} location its fragment is cleared of the key
 * @returns {string | null}
 */
export function takeKey(memory, location) {
  const given = new URLSearchParams(location.hash.slice(1)).get("key");
  if (!given) return memory.recall("key");
  memory.keep("key", given);
  history.replaceState(null, "", location.pathname + location.search);
  return given;
}
