// Puts the kiosk together: the only place where its parts and the document meet.

import { button, dialog, element, image, translate, video } from "../view/elements.js";
import { CaptionView } from "../view/caption_view.js";
import { Camera } from "./camera.js";
import { ConfigError, readConfig } from "./config.js";
import { Conversation } from "./conversation.js";
import { rehearse } from "./rehearsal.js";
import { ServerWatch, answers } from "./server_watch.js";
import { Upkeep } from "./upkeep.js";
import { HandOverView } from "./view/hand_over_view.js";
import { InviteView } from "./view/invite_view.js";
import { LoopView } from "./view/loop_view.js";
import { StaffView } from "./view/staff_view.js";
import { TalkView } from "./view/talk_view.js";
import { Visit } from "./visit.js";
import { WakeLock } from "./wake_lock.js";
import { Words } from "./words.js";

/** @import { AvatarEvent, Phase } from "../likeness/types.js" */
/** @import { KioskEvent, Order, Tongue } from "./types.js" */

const TICK_MS = 250;
const BEAT_MS = 5_000; // as scripts/kiosk.sh expects of the title
const REHEARSE_AGAIN_MS = 60_000;

const given = location.hash;
const config = takeConfig();
const body = document.body;
const startedMs = performance.now();
const visit = new Visit(config.rules);
const upkeep = new Upkeep(config.quietHour, startedMs);
const wakeLock = new WakeLock();
const serverWatch = new ServerWatch("/healthz", () => conversation?.nudge());
const camera = new Camera(document.createElement("video"), (on) => tell({ type: "presence", on }));

let tongue = config.tongues[0];
/** @type {Conversation | null} */
let conversation = null;
/** @type {AbortController | null} */
let rehearsal = null;
let rehearsedMs = -Infinity;
let beats = 0;
let visits = 0;
let faults = 0; // of this page's own making

const live = video("video");
const loop = new LoopView([video("loop-a"), video("loop-b")], body);
const captions = new CaptionView({
  caption: element("caption"),
  said: element("caption-said"),
  toCome: element("caption-to-come"),
  log: element("caption-log"),
});
new InviteView(
  { greetings: element("greetings"), starts: element("starts") },
  config.tongues,
  (chosen) => begin(chosen),
);
const talk = new TalkView(
  {
    body,
    turn: element("turn-text"),
    heard: element("heard"),
    ear: element("ear"),
    choices: element("choices"),
    tongues: element("tongues"),
  },
  config.tongues,
  { onChoice: choose, onTongue: speak },
);
const handOver = new HandOverView(
  {
    dialog: dialog("hand-over"),
    opener: element("person"),
    code: image("code"),
    scan: element("scan"),
    number: element("number"),
    closer: element("hand-over-close"),
  },
  config.handOver,
);
const staff = dialog("staff");
new StaffView(
  {
    dialog: staff,
    figures: element("staff-figures"),
    reload: button("staff-reload"),
    closer: button("staff-close"),
    ground: body,
  },
  figures,
  reload,
);

start();

function start() {
  listen();
  setWords();
  talk.forget();
  element("privacy").hidden = !config.presence;
  showStill();
  loop.start();
  wakeLock.hold();
  if (config.presence) camera.open();
  setInterval(tick, TICK_MS);
  setInterval(beat, BEAT_MS);
  beat();
}

/** The configuration; a page whose configuration is wrong says so and does nothing. */
function takeConfig() {
  try {
    return readConfig(location.search, location.hash);
  } catch (error) {
    const message = error instanceof ConfigError ? error.message : String(error);
    element("greetings").textContent = message;
    throw error;
  } finally {
    // The file may hold a key: not to be read off the screen's address.
    history.replaceState(null, "", location.pathname + location.search);
  }
}

/**
 * Tell the state machine what happened, and do what it says.
 * @param {KioskEvent} event
 */
function tell(event) {
  obey(visit.handle(event, performance.now()));
}

function tick() {
  const nowMs = performance.now();
  obey(visit.tick(nowMs));
  const seconds = visit.secondsLeft(nowMs);
  element("seconds-left").textContent = new Words(tongue.tag).say("secondsLeft", { seconds });
  if (visit.state === "attract") rest(nowMs);
}

/** @param {Order[]} orders */
function obey(orders) {
  for (const order of orders) {
    if (order === "open") open();
    else if (order === "close") close();
    else conversation?.sayFarewell();
  }
  show();
}

function open() {
  visits += 1;
  rehearsal?.abort();
  talk.setTongue(tongue);
  conversation = new Conversation(config, tongue, live, {
    onKiosk: tell,
    onPhase: follow,
    onEvent: receive,
    onCaption: (caption) => captions.schedule(caption),
    onLevel: (level) => talk.setLevel(level),
    onBlocked: (blocked) => (button("hear").hidden = !blocked),
  });
  conversation.open();
}

/** Nothing of a visit is kept: not on the screen, not in the page, not on the server. */
function close() {
  conversation?.close();
  conversation = null;
  serverWatch.stop();
  follow("closed");
  captions.cut();
  element("caption").hidden = true;
  element("caption-said").textContent = element("caption-to-come").textContent = "";
  element("caption-log").replaceChildren();
  talk.forget();
  handOver.close();
  button("hear").hidden = true;
  live.srcObject = null;
  live.classList.remove("alive");
  body.removeAttribute("data-speaking");
  tongue = config.tongues[0];
  setWords();
}

/** Put what is to be seen where the state machine stands. */
function show() {
  const { state } = visit;
  if (body.dataset.state === state) return;
  body.dataset.state = state;
  element("invite").hidden = state !== "attract";
  element("talk").hidden = state === "attract";
  button("goodbye").disabled = state === "leaving";
  const ask = dialog("ask");
  if (state === "asking") ask.showModal();
  else ask.close();
  if (state === "leaving") handOver.close();
}

/** @param {Phase} phase */
function follow(phase) {
  body.dataset.phase = phase;
  talk.setPhase(phase);
  if (phase === "live") {
    serverWatch.stop();
    live.requestVideoFrameCallback(() => {
      live.classList.add("alive");
      loop.stop();
    });
    return;
  }
  loop.start(); // it goes on breathing, whatever has become of the connection
  if (phase !== "closed") serverWatch.start();
}

/** @param {AvatarEvent} event */
function receive(event) {
  talk.receive(event);
  if (event.type === "avatar.speech_interrupted") captions.cut();
  const speaks = event.type === "session.state" && event.state === "speaking";
  if (event.type === "session.state") body.toggleAttribute("data-speaking", speaks);
}

/** @param {Tongue} chosen */
function begin(chosen) {
  if (visit.state !== "attract") return;
  tongue = chosen;
  setWords();
  tell({ type: "touch" });
}

/** @param {string} question */
function choose(question) {
  captions.cut();
  conversation?.ask(question);
  tell({ type: "activity" });
}

/** @param {Tongue} chosen */
function speak(chosen) {
  if (chosen === tongue) return;
  tongue = chosen;
  setWords();
  captions.cut();
  talk.setTongue(chosen);
  conversation?.setTongue(chosen);
  tell({ type: "activity" });
}

function setWords() {
  const words = new Words(tongue.tag);
  translate(words);
  handOver.translate(words);
}

/**
 * Nobody is here: film the portrait, if that is still to be done, and look after the page.
 * @param {number} nowMs
 */
function rest(nowMs) {
  if (!loop.hasClip && !rehearsal && nowMs - rehearsedMs > REHEARSE_AGAIN_MS) film();
  const memory = /** @type {{memory?: {usedJSHeapSize: number}}} */ (performance).memory;
  const seen = {
    resting: !staff.open,
    hour: new Date().getHours(),
    heapBytes: memory?.usedJSHeapSize ?? null,
    faults,
  };
  if (upkeep.isDue(seen, nowMs)) reload();
}

async function film() {
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  rehearsal = new AbortController();
  const clip = await rehearse(config, document.createElement("video"), rehearsal.signal);
  rehearsal = null;
  rehearsedMs = performance.now();
  if (clip) await loop.setClip(clip);
}

/** Only when the server is there to load it from: an error page would never come back. */
async function reload() {
  if (!(await answers("/healthz")) || visit.state !== "attract") return;
  history.replaceState(null, "", location.pathname + location.search + given);
  location.reload();
}

/** The title counts up: what watches over the browser sees by it that the page lives. */
function beat() {
  beats += 1;
  document.title = `Likeness kiosk ${visit.state} ${beats}`;
  wakeLock.hold();
}

/** What is to be seen before there is a clip: the picture of who will speak. */
function showStill() {
  const identity = encodeURIComponent(config.identity ?? "default");
  const still = image("still");
  still.onerror = () => setTimeout(showStill, REHEARSE_AGAIN_MS);
  still.src = `/v1/identities/${identity}/preview.png`;
}

function figures() {
  const memory = /** @type {any} */ (performance).memory;
  return {
    state: visit.state,
    phase: body.dataset.phase,
    "up, hours": ((performance.now() - startedMs) / 3.6e6).toFixed(2),
    visits,
    faults,
    "heap, MiB": memory ? (memory.usedJSHeapSize / 2 ** 20).toFixed(1) : "unknown",
    "screen kept on": wakeLock.held,
    loop: loop.hasClip,
    ...Object.fromEntries(Object.entries(camera.reading).map(([name, value]) => [`camera ${name}`, value])),
  };
}

function listen() {
  document.addEventListener("click", () => {
    if (staff.open) return;
    conversation?.unmute();
    if (visit.state !== "attract") tell({ type: "touch" });
  });
  element("invite").parentElement?.addEventListener("click", ({ target }) => {
    const onButton = target instanceof Element && target.closest("button");
    if (!onButton && !staff.open) begin(config.tongues[0]);
  });
  button("goodbye").addEventListener("click", (event) => {
    event.stopPropagation(); // a touch during the farewell would be the next visitor's
    tell({ type: "goodbye" });
  });
  button("stay").addEventListener("click", () => tell({ type: "touch" }));
  dialog("ask").addEventListener("cancel", () => tell({ type: "touch" }));
  for (const kind of ["contextmenu", "dragstart", "gesturestart"]) {
    document.addEventListener(kind, (event) => event.preventDefault());
  }
  document.addEventListener("visibilitychange", () => document.hidden || wakeLock.hold());
  globalThis.addEventListener("pagehide", () => conversation?.close());
  for (const kind of ["error", "unhandledrejection"]) {
    globalThis.addEventListener(kind, () => (faults += 1)); // loaded anew when nobody is here
  }
}
