// The playground: the protocol live, every command and every event of it.

import { Likeness } from "../likeness.js";
import { Api } from "../likeness/api.js";
import { ApiError } from "../likeness/api_error.js";
import { takeKey } from "../page/key.js";
import { Memory } from "../page/memory.js";
import { Messages } from "../page/messages.js";
import {
  button,
  element,
  input,
  link,
  select,
  textArea,
  translate,
  video,
} from "../view/elements.js";
import { NoticeView } from "../view/notice_view.js";
import { Recital } from "./recital.js";
import { RecordingError, readRecording } from "./recording.js";
import { commandForms, formNamed } from "./schema.js";
import { SessionWatch } from "./session_watch.js";
import { CommandView } from "./view/command_view.js";
import { FactsView } from "./view/facts_view.js";
import { LogView } from "./view/log_view.js";
import { LookView } from "./view/look_view.js";
import { WORDS } from "./words.js";

/** @import { AvatarEvent, ConnectionQuality, Manner } from "../likeness/types.js" */

const memory = new Memory(() => localStorage);
const messages = new Messages(memory.languages(navigator.languages), WORDS);
const key = takeKey(memory, location);
const api = new Api("", key);
const join = sharedSession();
translate(messages);

const notice = new NoticeView({
  notice: element("notice"),
  text: element("notice-text"),
  close: button("notice-close"),
});
const sessionFacts = new FactsView(element("session-facts"));
const connectionFacts = new FactsView(element("connection-facts"));
const watch = new SessionWatch(key, showSession);
const likeness = new Likeness({ key, ...(join ? { join } : { grant: begun }) });
const log = new LogView(
  {
    list: element("rows"),
    well: element("rows-well"),
    empty: element("log-empty"),
    filter: input("filter"),
    shows: element("shows"),
    pause: button("pause"),
    copy: button("copy"),
    clear: button("clear"),
    news: element("news"),
  },
  messages,
  (text) => navigator.clipboard.writeText(text),
);
const commands = new CommandView(
  {
    types: select("types"),
    description: element("description"),
    fields: element("fields"),
    json: textArea("json"),
    problem: element("json-problem"),
    send: button("send"),
    curl: element("curl"),
  },
  messages,
  { onSend: send, path: () => `${watch.path}/commands` },
);
const look = new LookView(
  {
    emotions: element("emotions"),
    expressivity: input("expressivity"),
    articulation: input("articulation"),
    background: select("background"),
    colour: input("colour"),
    picture: input("picture"),
  },
  setManner,
  (key) => notice.show(messages.say(key)),
);
const recital = new Recital(send);
/** @type {MediaStreamTrack | null} */
let microphone = null;

start();

async function start() {
  listen();
  if (join) watch.follow(join.session_id, join.token, null);
  if ("RTCPeerConnection" in globalThis) {
    likeness.attach(video("video"));
    likeness.connect().catch(() => {}); // told as an `error` too
  } else notice.show(messages.say("noWebrtc"));
  try {
    await describe();
  } catch {
    notice.show(messages.say("unreachable"));
  }
}

/** Offer what this server says that it understands. */
async function describe() {
  const answer = await fetch("/openapi.json");
  const description = await answer.json();
  const forms = commandForms(description);
  const ids = await api.voices().then(
    (voices) => voices.filter(({ installed }) => installed !== false),
    () => [],
  );
  const languages = [...new Set(ids.map(({ language }) => language))];
  const suggestions = { voice: ids.map(({ id }) => id), language: languages };
  commands.offer(forms, samples(), suggestions);
  const set = forms.find(({ type }) => type === "avatar.set");
  if (set) look.offer(set);
  const wishes = formNamed(description, "NewSession").fields.map(({ name }) => name);
  element("wish-fields").textContent = wishes.join(", ");
  textArea("wish").value = JSON.stringify({ interactivity: "push_to_talk" });
}

/** What each command begins with. */
function samples() {
  const text = messages.say("sample");
  return new Map([
    ["avatar.speak_text", { text }],
    ["avatar.speak_stream", { stream_id: "a1", text, end: true }],
    ["avatar.speak_audio", { sample_rate: 24_000, audio: "" }],
    ["avatar.respond", { text: messages.say("question") }],
    ["avatar.set", { emotion: "happy", expressivity: 0.7 }],
    ["avatar.start_listening", { hold: false }],
  ]);
}

/** The session that the address names (a session's embed_url), to be watched too. */
function sharedSession() {
  const id = new URLSearchParams(location.search).get("session");
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  return id ? { session_id: id, token } : null;
}

/**
 * A session of our own, whose token we may show.
 * @param {import("../likeness/types.js").Wish} wish
 * @param {AbortSignal} signal
 */
async function begun(wish, signal) {
  const made = /** @type {any} */ (await api.createSession(wish, signal));
  watch.follow(made.session_id, made.token, made.expires_at);
  return made;
}

/** @param {{type: string} & Record<string, unknown>} command */
function send(command) {
  const { type } = command;
  const id = type === "avatar.interrupt" ? likeness.interrupt() : likeness.send(command);
  log.add("sent", { event_id: id, ...command });
  if (type === "avatar.interrupt") stopRecital();
}

/** @param {Manner} manner */
function setManner(manner) {
  const event_id = likeness.setManner(manner);
  log.add("sent", { type: "avatar.set", event_id, ...manner });
}

/** @param {AvatarEvent} event */
function receive(event) {
  log.add("received", event);
  if (event.type === "avatar.caption") element("said").textContent = event.text ?? "";
  if (event.type === "session.state") sessionFacts.show({ state: event.state ?? "" });
  if (event.type === "session.token") watch.renew(event.token ?? "", event.expires_at ?? null);
  if (event.type === "avatar.speech_interrupted") stopRecital();
}

/** @param {import("./session_watch.js").SessionFacts} facts */
function showSession({ id, viewers, mediaMs, expiresInS }) {
  sessionFacts.show({
    id: id || "—",
    viewers: viewers === null ? "—" : String(viewers),
    media: mediaMs === null ? "—" : `${(mediaMs / 1000).toFixed(1)} s`,
    expires: expiresInS === null ? "—" : remaining(expiresInS),
  });
  link("watch").href = id ? `talk.html?session=${id}#token=${watch.token ?? ""}` : "talk.html";
  commands.refresh();
}

/** @param {number} seconds */
function remaining(seconds) {
  if (seconds <= 0) return messages.say("expired");
  return `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
}

/** @param {ConnectionQuality} quality */
function showQuality(quality) {
  const percent = (/** @type {number} */ share) => `${(100 * share).toFixed(1)} %`;
  const ms = (/** @type {number | null} */ value) => (value === null ? "—" : `${Math.round(value)} ms`);
  connectionFacts.show({
    grade: messages.say(quality.grade),
    fps: quality.fps.toFixed(1),
    roundTrip: ms(quality.roundTripMs),
    loss: percent(quality.loss),
    jitter: ms(quality.jitterMs),
    concealed: percent(quality.concealed),
    bitrate: `${Math.round(quality.bitrateKbps)} kbit/s`,
    picture: `${quality.width} × ${quality.height}`,
    route: [quality.candidateType, quality.protocol, quality.relayed && messages.say("relayed")]
      .filter(Boolean)
      .join(" · "),
  });
  connectionFacts.mark("grade", quality.grade);
}

/** @param {unknown} error */
function explain(error) {
  if (error instanceof ApiError && error.isAboutKey) return messages.say("keyNeeded");
  if (error instanceof ApiError && error.message) return error.message;
  return messages.say("unreachable");
}

async function toggleMicrophone() {
  if (microphone) {
    microphone.stop();
    microphone = null;
    await likeness.setMicrophone(null);
  } else {
    try {
      const audio = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
      const stream = await navigator.mediaDevices.getUserMedia({ audio });
      [microphone] = stream.getAudioTracks();
      await likeness.setMicrophone(microphone);
    } catch {
      notice.show(messages.say("micDenied"));
    }
  }
  button("microphone").setAttribute("aria-pressed", String(microphone !== null));
}

async function recite() {
  const [file] = input("recording-file").files ?? [];
  input("recording-file").value = ""; // so that the same file can be chosen again
  if (!file) return;
  try {
    const { samples, rateHz } = await readRecording(file);
    element("recording-name").textContent = messages.say("recordingStop");
    if (await recital.begin(samples, rateHz)) notice.show(messages.say("recordingSent"), "news");
  } catch (error) {
    if (!(error instanceof RecordingError)) throw error;
    notice.show(messages.say(error.key));
  }
  if (!recital.isRunning) stopRecital();
}

function stopRecital() {
  recital.stop();
  element("recording-name").textContent = messages.say("recording");
}

function beginAgain() {
  try {
    likeness.connect(JSON.parse(textArea("wish").value)).catch(() => {});
  } catch {
    notice.show(messages.say("badJson"));
  }
}

/** @param {string | null} text */
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text ?? "");
    notice.show(messages.say("copiedOne"), "news");
  } catch {
    notice.show(messages.say("notCopied"));
  }
}

function listen() {
  likeness.addEventListener("phase", ({ detail }) => {
    document.body.dataset.phase = detail;
    element("phase").textContent = messages.say(detail);
  });
  likeness.addEventListener("event", ({ detail }) => receive(detail));
  likeness.addEventListener("quality", ({ detail }) => showQuality(detail));
  likeness.addEventListener("error", ({ detail }) => notice.show(explain(detail)));
  likeness.addEventListener("sound", ({ detail }) => {
    button("hear").hidden = !detail.blocked;
    button("mute").setAttribute("aria-pressed", String(detail.muted));
  });
  button("hear").addEventListener("click", () => likeness.unmute());
  button("mute").addEventListener("click", () =>
    likeness.sound.muted ? likeness.unmute() : likeness.mute(),
  );
  button("interrupt").addEventListener("click", () => send({ type: "avatar.interrupt" }));
  button("microphone").addEventListener("click", toggleMicrophone);
  button("recording").addEventListener("click", () => {
    if (recital.isRunning) stopRecital();
    else input("recording-file").click();
  });
  input("recording-file").addEventListener("change", recite);
  button("renew").addEventListener("click", () => send({ type: "session.keep_alive" }));
  button("begin").addEventListener("click", beginAgain);
  button("close").addEventListener("click", () => likeness.close());
  button("copy-token").addEventListener("click", () => copy(watch.token));
  button("copy-curl").addEventListener("click", () => copy(element("curl").textContent));
}
