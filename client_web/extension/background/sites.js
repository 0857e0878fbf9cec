/** @import { Settings } from "./settings.js" */

const MEETINGS = [
  "https://meet.google.com/*",
  "https://teams.microsoft.com/*",
  "https://teams.live.com/*",
  "https://teams.cloud.microsoft/*",
  "https://*.zoom.us/*",
  "https://*.zoom.com/*",
  "https://meet.jit.si/*",
  "https://8x8.vc/*",
];
// The frame's script first: the page's calls it as soon as it runs.
const PARTS = /** @type {const} */ ([
  { id: "likeness-1-frame", file: "extension/frame.js", world: "ISOLATED" },
  { id: "likeness-2-page", file: "extension/page.js", world: "MAIN" },
]);

/** @param {Settings} settings */
export function patterns({ sites }) {
  return [...MEETINGS, ...sites];
}

/**
 * Put our scripts into the sites, or nothing at all: while Likeness is off, a site that
 * is loaded has not one line of ours.
 * @param {Settings} settings
 */
export async function placeScripts(settings) {
  const ids = PARTS.map(({ id }) => id);
  const there = await chrome.scripting.getRegisteredContentScripts();
  const old = there.map(({ id }) => id).filter((id) => ids.some((ours) => ours === id));
  if (old.length) await chrome.scripting.unregisterContentScripts({ ids: old });
  if (!settings.on) return;
  await chrome.scripting.registerContentScripts(
    PARTS.map(({ id, file, world }) => ({
      id,
      js: [file],
      matches: patterns(settings),
      runAt: "document_start",
      allFrames: true,
      matchOriginAsFallback: true,
      world,
    })),
  );
}

/**
 * Pages that were open before: tell those that have our scripts, put them into the rest.
 * @param {Settings} settings
 * @param {object} message
 */
export async function tellPages(settings, message) {
  const tabs = await chrome.tabs.query({ url: patterns(settings) });
  await Promise.all(
    tabs.map(async ({ id }) => {
      if (id === undefined) return;
      try {
        await chrome.tabs.sendMessage(id, message);
      } catch {
        if (settings.on) await inject(id);
      }
    }),
  );
}

/** @param {number} tabId */
async function inject(tabId) {
  const target = { tabId, allFrames: true };
  try {
    for (const { file, world } of PARTS) {
      await chrome.scripting.executeScript({
        target,
        files: [file],
        injectImmediately: true,
        world,
      });
    }
  } catch {
    // A page that is going, or an error page: the next one has the scripts.
  }
}

/**
 * Whether a page of this origin may ask for Likeness.
 * @param {string} origin
 * @param {Settings} settings
 */
export function isMeeting(origin, settings) {
  return patterns(settings).some((pattern) => matches(pattern, origin));
}

/**
 * @param {string} pattern scheme://host/*, where the host may begin with "*."
 * @param {string} origin
 */
function matches(pattern, origin) {
  const [scheme, host] = pattern.replace(/\/\*$/, "").split("://");
  const [ownScheme, ownHost = ""] = origin.split("://");
  if (scheme !== ownScheme && scheme !== "*") return false;
  const name = host.includes(":") ? ownHost : ownHost.replace(/:\d+$/, "");
  return host.startsWith("*.")
    ? name === host.slice(2) || name.endsWith(host.slice(1))
    : name === host;
}
