/**
 * What the user has set. Kept in chrome.storage.local, which only the extension's own
 * pages and its service worker may read: the key never comes near a site.
 * @typedef {object} Settings
 * @property {boolean} on
 * @property {boolean} byDefault requests that name no device get Likeness
 * @property {string} server its URL
 * @property {string} key empty: the server asks for none
 * @property {string} identity
 * @property {string} voice empty: the server's own
 * @property {boolean} puppet
 * @property {string[]} sites more sites, as match patterns
 */

/** @type {Settings} */
const AT_FIRST = {
  on: true,
  byDefault: false,
  server: "http://127.0.0.1:8080",
  key: "",
  identity: "default",
  voice: "",
  puppet: false,
  sites: [],
};

/** @returns {Promise<Settings>} */
export async function loadSettings() {
  const { settings } = await chrome.storage.local.get("settings");
  return { ...AT_FIRST, ...settings };
}

/** @param {Partial<Settings>} changes */
export async function saveSettings(changes) {
  await chrome.storage.local.set({ settings: { ...(await loadSettings()), ...changes } });
}

/**
 * What makes a session another one.
 * @param {Settings} settings
 */
export function lookOf({ server, key, identity, voice, puppet }) {
  return digest(JSON.stringify([server, key, identity, voice, puppet]));
}

/**
 * A number that changes with the text and does not tell it.
 * @param {string} text
 */
function digest(text) {
  let hash = 5381; // D. J. Bernstein's hash
  for (const each of text) hash = (Math.imul(hash, 33) ^ (each.codePointAt(0) ?? 0)) >>> 0;
  return hash.toString(36);
}
