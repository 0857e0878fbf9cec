// Puts the page together: the only place where views, the client and the document meet.

import { Likeness } from "./likeness.js";
import { Api } from "./likeness/api.js";
import { ApiError } from "./likeness/api_error.js";
import { Enrolment } from "./likeness/enrolment.js";
import { takeKey } from "./page/key.js";
import { Listening } from "./page/listening.js";
import { Memory } from "./page/memory.js";
import { Messages } from "./page/messages.js";
import { questionsFor, samplesFor } from "./page/samples.js";
import { TalkLog } from "./page/talk_log.js";
import { VoiceCatalogue } from "./page/voice_catalogue.js";
import { CaptionView } from "./view/caption_view.js";
import { ComposerView } from "./view/composer_view.js";
import {
  button,
  canvas,
  dialog,
  element,
  form,
  image,
  input,
  progress,
  textArea,
  translate,
  video,
} from "./view/elements.js";
import { MicrophoneView } from "./view/microphone_view.js";
import { NoticeView } from "./view/notice_view.js";
import { PhotoDrop } from "./view/photo_drop.js";
import { PortraitDialog } from "./view/portrait_dialog.js";
import { PushToTalk } from "./view/push_to_talk.js";
import { StageView } from "./view/stage_view.js";
import { StatusView } from "./view/status_view.js";
import { Surround } from "./view/surround.js";
import { TalkView } from "./view/talk_view.js";
import { VoiceDialog } from "./view/voice_dialog.js";

/** @import { AvatarEvent, VoiceInfo } from "./likeness/types.js" */
/** @import { Sample } from "./page/samples.js" */

const DEFAULT_IDENTITY = "default";

const memory = new Memory(() => localStorage);
const languages = memory.languages(navigator.languages);
const messages = new Messages(languages);
const key = takeKey(memory, location);
const api = new Api("", key);

/** @type {VoiceCatalogue | null} */
let catalogue = null;
/** @type {VoiceInfo | null} */
let voice = null;
let ownIdentity = memory.recall("identity");
let identity = ownIdentity ?? DEFAULT_IDENTITY;
let join = sharedSession();

translate(messages);

const notice = new NoticeView({
  notice: element("notice"),
  text: element("notice-text"),
  close: button("notice-close"),
});
const status = new StatusView({ body: document.body, text: element("status-text") }, messages);
const surround = new Surround(canvas("surround"), element("portrait"));
const stage = new StageView(
  {
    video: video("video"),
    poster: image("poster"),
    still: canvas("still"),
  },
  { onPicture: (picture) => surround.show(picture) },
);
const captions = new CaptionView({
  caption: element("caption"),
  said: element("caption-said"),
  toCome: element("caption-to-come"),
  log: element("caption-log"),
});
const composer = new ComposerView(
  {
    form: form("composer"),
    text: textArea("text"),
    counter: element("counter"),
    speak: button("speak"),
    interrupt: button("interrupt"),
    samples: element("samples"),
    label: element("text-label"),
    ask: input("mode-ask"),
    say: input("mode-say"),
  },
  messages,
  { onText: send, onInterrupt: interrupt, onSample: trySample, onMode: chooseMode },
);
const likeness = new Likeness({ key, join });
const log = new TalkLog();
const talk = new TalkView(
  {
    panel: element("talk"),
    list: element("talk-lines"),
    empty: element("talk-empty"),
    opener: button("talk-button"),
    closer: button("talk-close"),
  },
  messages,
);
const microphone = new MicrophoneView(
  { button: button("mic"), hint: element("mic-hint") },
  messages,
  () => listening.toggle(),
);
const listening = new Listening(likeness, {
  onState: (state) => microphone.setState(state),
  onLevel: (level) => microphone.setLevel(level),
  onProblem: (key) => notice.show(messages.say(key)),
});
const portraitDialog = new PortraitDialog(
  {
    dialog: dialog("portrait-dialog"),
    well: element("well"),
    photo: image("well-photo"),
    progress: element("progress"),
    bar: progress("progress-bar"),
    progressText: element("progress-text"),
    problem: element("portrait-problem"),
    choices: element("choices"),
    hint: element("portrait-hint"),
    agreement: element("agreement"),
    agree: input("portrait-agree"),
    cancel: button("portrait-cancel"),
    files: [input("photo-file"), input("photo-camera")],
    yours: element("yours"),
    yoursPhoto: image("yours-photo"),
    useYours: button("use-yours"),
    useDefault: button("use-default"),
    remove: button("delete-portrait"),
  },
  new Enrolment(api),
  visitor(),
  messages,
  {
    onReady: (id) => {
      if (ownIdentity && ownIdentity !== id) api.deleteIdentity(ownIdentity).catch(() => {});
      ownIdentity = id;
      memory.keep("identity", id);
      showIdentity(id);
    },
    onUseYours: () => showIdentity(ownIdentity ?? DEFAULT_IDENTITY),
    onUseDefault: () => showIdentity(DEFAULT_IDENTITY),
    onDelete: deleteOwn,
    explain,
  },
);
const voiceDialog = new VoiceDialog(
  {
    dialog: dialog("voice-dialog"),
    search: input("voice-search"),
    list: element("voice-list"),
    none: element("voice-none"),
  },
  messages,
  chooseVoice,
);

start();

async function start() {
  listen();
  chooseMode(memory.recall("mode") === "say" ? "say" : "ask");
  showPoster();
  if (!("RTCPeerConnection" in globalThis)) {
    notice.show(messages.say("noWebrtc"));
    return;
  }
  if (join) likeness.connect();
  else open();
  await loadVoices();
}

/** A name for this browser, by which its visitor's consent can be found again. */
function visitor() {
  const known = memory.recall("visitor");
  if (known) return known;
  const bytes = crypto.getRandomValues(new Uint8Array(6));
  const name = `visitor ${[...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
  memory.keep("visitor", name);
  return name;
}

async function loadVoices() {
  try {
    const installed = (await api.voices()).filter((each) => each.installed !== false);
    catalogue = new VoiceCatalogue(installed, messages.language);
  } catch {
    return; // speech goes on with the server's own choice
  }
  const wanted = [...languages, "en"];
  setVoice(catalogue.find(memory.recall("voice")) ?? catalogue.bestFor(wanted));
}

/** The session that the address names (a session's embed_url), to watch it too. */
function sharedSession() {
  const id = new URLSearchParams(location.search).get("session");
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  return id ? { session_id: id, token } : null;
}

function open() {
  log.settle();
  likeness.connect({
    identity: identity === DEFAULT_IDENTITY ? null : identity,
    voice: null, // every utterance names its own
    interactivity: "push_to_talk", // it listens when it is told to
  });
}

/** @param {import("./likeness/types.js").Phase} phase */
function follow(phase) {
  status.setPhase(phase);
  if (phase !== "live") setState("idle");
  if (phase !== "closed" || !join || document.body.dataset.scope === "view") return;
  join = null;
  open(); // what it came to join is over
}

/** @param {ApiError} error */
function tell(error) {
  if (error.code.startsWith("identity_") && identity !== DEFAULT_IDENTITY) {
    forgetOwn("portraitGone");
    open();
  } else notice.show(explain(error));
}

function showPoster() {
  stage.showPoster(api.previewUrl(identity));
  const own = ownIdentity ? api.previewUrl(ownIdentity) : null;
  portraitDialog.describeOwn(own, identity === ownIdentity);
}

/** @param {string} id */
function showIdentity(id) {
  identity = id;
  captions.cut();
  showPoster();
  open();
}

async function deleteOwn() {
  if (ownIdentity) await api.deleteIdentity(ownIdentity);
  const shown = identity === ownIdentity;
  forgetOwn("deleted");
  if (shown) open();
}

/** @param {string} why a message's key */
function forgetOwn(why) {
  ownIdentity = null;
  identity = DEFAULT_IDENTITY;
  memory.keep("identity", null);
  showPoster();
  notice.show(messages.say(why), "news");
}

/** @param {VoiceInfo} chosen */
function chooseVoice(chosen) {
  if (chosen.id === voice?.id) return;
  memory.keep("voice", chosen.id);
  setVoice(chosen);
}

/** @param {VoiceInfo | null} chosen */
function setVoice(chosen) {
  voice = chosen;
  if (chosen) likeness.setManner({ voice: chosen.id });
  const name = (chosen && catalogue?.title(chosen)) || messages.say("voice");
  element("voice-name").textContent = name;
  element("voice-button").setAttribute("aria-label", messages.say("voiceButton", { name }));
}

/** @param {import("./view/composer_view.js").Mode} mode */
function chooseMode(mode) {
  memory.keep("mode", mode);
  composer.setMode(mode);
  const samples = mode === "ask" ? questionsFor : samplesFor;
  composer.offer(samples(languages));
}

/**
 * @param {string} text
 * @param {import("./view/composer_view.js").Mode} mode
 */
function send(text, mode) {
  if (mode === "ask") likeness.respond(text);
  else likeness.speak(text, voice ? { voice: voice.id } : {});
  element("samples").hidden = true;
}

/** @param {Sample} sample */
function trySample({ language, text }) {
  const spoken = catalogue?.bestFor([language]);
  if (spoken && !catalogue?.speaks(voice, language)) chooseVoice(spoken);
  send(text, composer.mode);
  element("text").focus();
}

function interrupt() {
  likeness.interrupt();
  captions.cut();
}

/** @param {AvatarEvent} event */
function receive(event) {
  talk.show(log.receive(event));
  if (event.type === "session.state") setState(event.state ?? "idle");
  if (event.type === "avatar.speech_started") setState("speaking");
  if (event.type === "avatar.speech_interrupted") captions.cut();
  if (event.type === "session.hearing") hear(event);
  if (event.type === "user.transcript") element("samples").hidden = true;
}

/** @param {AvatarEvent} event what the server can hear */
function hear(event) {
  microphone.setHearing(event);
  if (!event.available && listening.state !== "off") listening.stop();
}

/** @param {string} state of session.state */
function setState(state) {
  status.setState(state);
  composer.setSpeaking(state === "speaking" || state === "thinking");
}

/** @param {unknown} error */
function explain(error) {
  if (error instanceof ApiError && error.isAboutKey) return messages.say("keyNeeded");
  if (error instanceof ApiError && error.code === "media_blocked") return messages.say("mediaBlocked");
  if (error instanceof ApiError) return error.message || messages.say("serverFailed");
  const slow = error instanceof DOMException && error.name === "TimeoutError";
  return messages.say(slow ? "tooSlow" : "unreachable");
}

function listen() {
  likeness.attach(video("video"));
  likeness.addEventListener("phase", ({ detail }) => follow(detail));
  likeness.addEventListener("stream", () => stage.expect());
  likeness.addEventListener("event", ({ detail }) => receive(detail));
  likeness.addEventListener("caption", ({ detail }) => captions.schedule(detail));
  likeness.addEventListener("error", ({ detail }) => tell(detail));
  likeness.addEventListener("sound", ({ detail }) => (element("hear").hidden = !detail.blocked));
  for (const kind of ["pointerdown", "keydown"]) {
    document.addEventListener(kind, hearAgain, { capture: true });
  }
  button("hear").addEventListener("click", hearAgain);
  button("mute-button").addEventListener("click", () => {
    const mute = button("mute-button").getAttribute("aria-pressed") !== "true";
    button("mute-button").setAttribute("aria-pressed", String(mute));
    if (mute) likeness.mute();
    else likeness.unmute();
  });
  button("portrait-button").addEventListener("click", () => portraitDialog.open());
  button("voice-button").addEventListener("click", () => {
    voiceDialog.open(catalogue, languages, voice?.id ?? "");
  });
  for (const closer of document.querySelectorAll("[data-close]")) {
    closer.addEventListener("click", () => closer.closest("dialog")?.close());
  }
  for (const sheet of document.querySelectorAll("dialog")) {
    sheet.addEventListener("click", ({ target }) => {
      if (target === sheet) sheet.close(); // the backdrop
    });
  }
  document.addEventListener("keydown", (event) => {
    const inDialog = document.querySelector("dialog[open]");
    if (event.key === "Escape" && !inDialog && !event.isComposing) interrupt();
  });
  new PushToTalk({
    onPress: () => microphone.isAvailable && listening.press(),
    onRelease: () => listening.release(),
  });
  new PhotoDrop(element("drop"), (file) => portraitDialog.enrol(file));
}

/** Any touch of the page counts as leave to play sound. */
function hearAgain() {
  const mutedByVisitor = button("mute-button").getAttribute("aria-pressed") === "true";
  if (likeness.sound.blocked && !mutedByVisitor) likeness.unmute();
}
