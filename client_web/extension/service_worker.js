import { ApiError } from "../likeness/api_error.js";
import { readMessage } from "./background/messages.js";
import { apiOf, Calls } from "./background/calls.js";
import { isMeeting, placeScripts, tellPages } from "./background/sites.js";
import { loadSettings, lookOf } from "./background/settings.js";

/** @import { FrameSettings } from "./frame/background_link.js" */
/** @import { Settings } from "./background/settings.js" */
/** @import { Message } from "./background/messages.js" */

const calls = new Calls();
/** @type {Map<string, Promise<unknown>>} what a frame asks is done in order */
const turns = new Map();
/** @type {Promise<unknown>} */
let applied = Promise.resolve();

// Content scripts may read neither: the key and the tokens lie here.
chrome.storage.local.setAccessLevel({ accessLevel: "TRUSTED_CONTEXTS" });

chrome.runtime.onInstalled.addListener(() => apply());
chrome.runtime.onStartup.addListener(() => apply());
chrome.permissions.onAdded.addListener(() => apply());
chrome.tabs.onRemoved.addListener((tabId) => {
  for (const frame of turns.keys()) if (frame.startsWith(`${tabId}:`)) turns.delete(frame);
  calls.closeTab(tabId);
});
chrome.storage.local.onChanged.addListener((changes) => {
  if (changes.settings) apply();
});
chrome.storage.session.onChanged.addListener(() => showBadge());

chrome.runtime.onMessage.addListener((message, { id, tab, frameId, origin }, answer) => {
  const known = readMessage(message);
  if (id !== chrome.runtime.id || !known || tab?.id === undefined || !origin) return false;
  const frame = `${tab.id}:${frameId}`;
  const answered = (turns.get(frame) ?? Promise.resolve()).then(() => reply(known, frame, origin));
  turns.set(frame, answered);
  answered.then(answer);
  return true; // the answer comes later
});

/**
 * @param {Message} message
 * @param {string} frame
 * @param {string} origin
 */
async function reply(message, frame, origin) {
  const settings = await loadSettings();
  if (!isMeeting(origin, settings)) return { failed: true };
  try {
    return { value: await answerTo(message, frame, origin, settings) };
  } catch (error) {
    if (!(error instanceof ApiError)) return { failed: true };
    const { status, code, message, retryAfterS } = error;
    return { refusal: { status, code, message, retryAfterS } };
  }
}

/**
 * @param {Message} message
 * @param {string} frame
 * @param {string} origin
 * @param {Settings} settings
 */
async function answerTo(message, frame, origin, settings) {
  switch (message.type) {
    case "settings":
      return forFrames(settings);
    case "preview":
      return preview(settings);
    case "open":
      return calls.open(frame, origin);
    case "offer":
      return calls.offer(frame, message.sdp);
    case "report":
      return calls.report(frame, message.report);
    case "close":
      return calls.close(frame);
  }
}

/**
 * @param {Settings} settings
 * @returns {FrameSettings}
 */
function forFrames(settings) {
  const { on, byDefault, puppet } = settings;
  return { on, byDefault, puppet, look: lookOf(settings) };
}

/** One after another: scripts cannot be placed twice at once. */
function apply() {
  applied = applied.then(bringAbout, bringAbout);
  return applied;
}

async function bringAbout() {
  const settings = await loadSettings();
  await placeScripts(settings);
  await tellPages(settings, { type: "settings", settings: forFrames(settings) });
  await showBadge();
  await rememberPreview(settings);
}

/**
 * The portrait's picture, also while the server is away.
 * @param {Settings} settings
 * @returns {Promise<string | null>} data URL
 */
async function preview({ server, identity }) {
  const { preview } = await chrome.storage.local.get("preview");
  return preview?.of === `${server} ${identity}` ? preview.url : null;
}

/** @param {Settings} settings */
async function rememberPreview(settings) {
  const { server, identity, key } = settings;
  try {
    const headers = key ? { authorization: `Bearer ${key}` } : undefined;
    const answer = await fetch(apiOf(settings).previewUrl(identity), { headers });
    if (!answer.ok) return;
    const url = `data:image/png;base64,${base64(new Uint8Array(await answer.arrayBuffer()))}`;
    await chrome.storage.local.set({ preview: { of: `${server} ${identity}`, url } });
  } catch {
    // The server is away: what was kept is kept.
  }
}

/** @param {Uint8Array} bytes */
function base64(bytes) {
  return btoa(Array.from(bytes, (each) => String.fromCharCode(each)).join(""));
}

async function showBadge() {
  const { on } = await loadSettings();
  const reports = Object.values(await Calls.all()).map(({ report }) => report);
  const phases = reports.filter((report) => report?.camera || report?.microphone);
  const isLive = phases.some((report) => report?.phase === "live");
  await chrome.action.setBadgeBackgroundColor({ color: isLive ? "#2f6b3c" : "#a63d22" });
  await chrome.action.setBadgeText({ text: !on || !phases.length ? "" : isLive ? "on" : "…" });
}
