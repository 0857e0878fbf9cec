import { Messages } from "../../page/messages.js";
import { translate } from "../../view/elements.js";
import { Calls } from "../background/calls.js";
import { loadSettings, saveSettings } from "../background/settings.js";
import { PortraitList } from "./portrait_list.js";
import { Server } from "./server.js";
import { SiteList, sitePattern } from "./site_list.js";
import { delayWords, problem, standing } from "./standing.js";
import { WORDS } from "./words.js";

/** @import { Call } from "../background/calls.js" */
/** @import { Settings } from "../background/settings.js" */

const ASK_EVERY_MS = 4_000; // while the popup is open

/**
 * @template {HTMLElement} [T=HTMLElement]
 * @param {string} id
 */
const element = (id) => /** @type {T} */ (document.getElementById(id));
const input = (/** @type {string} */ id) => /** @type {HTMLInputElement} */ (element(id));

const messages = new Messages(navigator.languages, WORDS);
translate(messages);
/** @type {Settings} */
let settings = await loadSettings();
/** @type {Call | null} */
let call = null;
let trouble = "";
let shownPortraits = "";

const portraits = new PortraitList(element("portrait-list"), (identity) => save({ identity }));
const sites = new SiteList(element("sites"), messages, (site) =>
  save({ sites: settings.sites.filter((each) => each !== site) }),
);

/** @param {Partial<Settings>} changes */
async function save(changes) {
  settings = { ...settings, ...changes };
  await saveSettings(changes);
  show();
}

function show() {
  input("on").checked = settings.on;
  input("puppet").checked = settings.puppet;
  input("by-default").checked = settings.byDefault;
  const { state, text, hint } = standing(messages, settings, call, trouble);
  element("status").dataset.state = state;
  element("status-text").textContent = text;
  element("status-hint").textContent = hint;
  element("puppet-hint").textContent = delayWords(messages, settings.puppet ? call : null);
  const speaks = Boolean(call?.grant) && !settings.puppet;
  for (const id of ["text", "speak", "interrupt"]) input(id).disabled = !speaks;
  const who = settings.puppet ? "ownVoice" : speaks ? "typeHere" : "noMeeting";
  input("text").placeholder = messages.say(who);
  sites.show(settings.sites);
}

/** The call that is shown, or else the one that was used last. */
async function findCall() {
  const used = Object.values(await Calls.all()).filter(
    ({ report }) => report && report.phase !== "closed" && (report.camera || report.microphone),
  );
  used.sort((a, b) => Number(b.report?.phase === "live") - Number(a.report?.phase === "live") || b.seenAt - a.seenAt);
  call = used[0] ?? null;
  show();
}

/** @returns {Promise<number>} how many portraits the server has; -1: it cannot be used */
async function askServer() {
  const server = new Server(settings);
  try {
    const identities = await server.identities();
    const now = JSON.stringify([settings.server, settings.identity, identities]);
    if (now !== shownPortraits) portraits.show(identities, settings.identity, server);
    shownPortraits = now;
    trouble = "";
    show();
    return identities.length;
  } catch (error) {
    trouble = problem(messages, error, settings.server);
    show();
    return -1;
  }
}

/** @param {object} command */
async function send(command) {
  element("say-problem").textContent = "";
  try {
    if (call) await new Server(settings).command(call, command);
  } catch (error) {
    element("say-problem").textContent = problem(messages, error, settings.server);
  }
}

input("on").onchange = () => save({ on: input("on").checked });
input("puppet").onchange = () => save({ puppet: input("puppet").checked });
input("by-default").onchange = () => save({ byDefault: input("by-default").checked });

element("say").onsubmit = async (event) => {
  event.preventDefault();
  const text = input("text").value.trim();
  if (!text) return;
  input("text").value = "";
  await send({ type: "avatar.speak_text", text });
};
element("text").onkeydown = (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  /** @type {HTMLFormElement} */ (element("say")).requestSubmit();
};
element("interrupt").onclick = () => send({ type: "avatar.interrupt" });

element("server-form").onsubmit = async (event) => {
  event.preventDefault();
  const { origin } = new URL(input("server").value);
  const result = element("server-result");
  result.textContent = "";
  // Saved first: Chrome closes the popup when it asks for leave.
  await save({ server: origin, key: input("key").value.trim() });
  await chrome.permissions.request({ origins: [`${origin.replace(/:\d+$/, "")}/*`] });
  const count = await askServer();
  result.dataset.good = count < 0 ? "no" : "yes";
  const answers = messages.say(count === 1 ? "answersOne" : "answers", { count });
  result.textContent = count < 0 ? trouble : answers;
};

element("site-form").onsubmit = async (event) => {
  event.preventDefault();
  const pattern = sitePattern(input("site").value);
  element("site-problem").textContent = pattern ? "" : messages.say("noSite");
  if (!pattern) return;
  input("site").value = "";
  if (!settings.sites.includes(pattern)) await save({ sites: [...settings.sites, pattern] });
  await chrome.permissions.request({ origins: [pattern] });
};

chrome.storage.session.onChanged.addListener(() => findCall());
chrome.storage.local.onChanged.addListener(async () => {
  settings = await loadSettings();
  show();
});
setInterval(askServer, ASK_EVERY_MS);

input("server").value = settings.server;
input("key").value = settings.key;
await findCall();
if ((await askServer()) < 0) /** @type {HTMLDetailsElement} */ (element("server-details")).open = true;
