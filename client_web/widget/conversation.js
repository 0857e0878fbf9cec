import { Likeness } from "../likeness.js";
import { Listening } from "../page/listening.js";
import { TalkLog } from "../page/talk_log.js";
import { grantFrom, isForeign } from "./grant.js";

/** @import { ApiError } from "../likeness/api_error.js" */
/** @import { AvatarEvent, Phase } from "../likeness/types.js" */
/** @import { Options } from "./options.js" */
/** @import { Strings } from "./strings.js" */
/** @import { PanelView } from "./view/panel_view.js" */

// What a refusal is called -> what the visitor reads.
const REFUSALS = new Map([
  ["origin_not_allowed", "originNotAllowed"],
  ["grant_failed", "grantFailed"],
  ["media_blocked", "mediaBlocked"],
  ["webrtc_missing", "noWebrtc"],
  ["microphone_lost", "micLost"],
  ["text_too_long", "tooLong"],
  ["queue_full", "failed"],
]);
const NOT_SET_UP = /^(key|token|grant|identity|voice|language)_|^(unknown_background|bad_request)$/;

/**
 * @typedef {object} ConversationListener
 * @property {(who: "visitor" | "portrait", text: string) => void} onMessage said for good
 * @property {(status: "called" | "nobody") => void} onHandover the portrait gave over
 * @property {(phase: Phase) => void} onPhase
 * @property {(error: ApiError) => void} onError
 */

/**
 * What goes on behind an open panel. No session is held before it begins, and the session
 * is given back a while after it was left.
 */
export class Conversation {
  #options;
  #panel;
  #listener;
  /** @type {Strings} */
  #strings;
  #log = new TalkLog();
  /** @type {Set<number>} */
  #told = new Set();
  /** @type {Likeness | null} */
  #likeness = null;
  /** @type {Listening | null} */
  #listening = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #leaving;
  #wasLive = false;
  #state = "idle"; // of the session, which may be told before its media flows
  /** @type {ApiError | null} why it was over */
  #refusal = null;

  /**
   * @param {Options} options
   * @param {PanelView} panel
   * @param {Strings} strings
   * @param {ConversationListener} listener
   */
  constructor(options, panel, strings, listener) {
    this.#options = options;
    this.#panel = panel;
    this.#strings = strings;
    this.#listener = listener;
  }

  /** @returns {Likeness | null} while there is one */
  get likeness() {
    return this.#likeness;
  }

  /** How the connection is, and while media flows what the portrait does. */
  get status() {
    const phase = this.#likeness?.phase ?? "connecting";
    return phase === "live" ? this.#state : phase;
  }

  /** What was said, oldest first. */
  get lines() {
    return this.#log.lines.filter(({ text }) => text).map(({ who, text }) => ({ who, text }));
  }

  /** @param {Strings} strings */
  setStrings(strings) {
    this.#strings = strings;
  }

  /** The panel is open: connect, or go on where it was left. */
  begin() {
    clearTimeout(this.#leaving);
    if (!this.#likeness) return this.#connect();
    this.#likeness.setVisible(true);
    this.#likeness.unmute();
  }

  /** The panel is closed: be silent at once, and give the session back a while later. */
  leave() {
    if (!this.#likeness) return;
    this.#listening?.stop();
    this.#likeness.interrupt();
    this.#likeness.mute();
    this.#likeness.setVisible(false);
    this.#leaving = setTimeout(() => this.end(), this.#options.keepMs);
  }

  /** For good; `begin` begins anew. */
  end() {
    clearTimeout(this.#leaving);
    this.#listening?.stop();
    this.#likeness?.close();
    this.#likeness = this.#listening = null;
    this.#log.settle();
    this.#panel.stage.clear();
  }

  /** @param {string} text */
  ask(text) {
    this.#likeness?.respond(text);
  }

  toggleMicrophone() {
    this.#panel.notice.clear();
    this.#listening?.toggle();
  }

  #connect() {
    const { server, key, grantUrl, wish } = this.#options;
    const grant = grantUrl ? grantFrom(grantUrl) : undefined;
    const likeness = new Likeness({ server, key, grant, wish });
    this.#likeness = likeness;
    this.#wasLive = false;
    this.#refusal = null;
    this.#listening = new Listening(likeness, {
      onState: (state) => this.#panel.microphone.setState(state),
      onLevel: (level) => this.#panel.microphone.setLevel(level),
      onProblem: (problem) => this.#panel.notice.tell(this.#strings.say(problem)),
    });
    // What an older one still has to say is nobody's business any more.
    const on = (/** @type {string} */ type, /** @type {(detail: any) => void} */ act) =>
      likeness.addEventListener(type, (/** @type {any} */ event) => {
        if (likeness === this.#likeness) act(event.detail);
      });
    on("phase", (phase) => this.#follow(phase));
    on("event", (event) => this.#receive(event));
    on("caption", (caption) => this.#panel.stage.caption(caption));
    on("error", (error) => this.#fail(error));
    on("sound", (sound) => {
      this.#panel.stage.setSound(sound);
      this.#panel.setMuted(sound.muted);
    });
    likeness.attach(this.#panel.stage.video);
    likeness.connect().catch(() => {}); // told as `error` and `phase`
  }

  /** @param {Phase} phase */
  #follow(phase) {
    this.#panel.setStatus(this.status);
    this.#listener.onPhase(phase);
    if (phase === "live") {
      this.#wasLive = true;
      this.#panel.notice.clear("problem");
    } else {
      this.#state = "idle";
      this.#log.settle();
      this.#panel.stage.cut();
      this.#panel.composer.setSpeaking(false);
    }
    if (phase === "reconnecting" && !this.#wasLive) this.#askWhy();
    // A refusal for good is told right after this.
    if (phase === "closed") queueMicrotask(() => this.#likeness?.phase === "closed" && this.#over());
  }

  /** A first connection that fails without a word may be refused to this site. */
  async #askWhy() {
    const likeness = this.#likeness;
    const foreign = await isForeign(this.#options.server);
    if (!foreign || likeness !== this.#likeness) return;
    this.end();
    this.#panel.setStatus("closed");
    this.#tell("originNotAllowed");
  }

  /** It ended by itself: a farewell, its owner, a refusal for good. */
  #over() {
    this.end();
    this.#panel.setStatus("closed");
    if (this.#refusal) this.#explain(this.#refusal);
    else this.#tell("ended");
  }

  /** @param {ApiError} error */
  #fail(error) {
    this.#listener.onError(error);
    if (this.#likeness?.phase === "closed") this.#refusal = error;
    else this.#explain(error);
  }

  /** @param {ApiError} error */
  #explain(error) {
    const key = REFUSALS.get(error.code) ?? (NOT_SET_UP.test(error.code) ? "notSetUp" : null);
    if (key) this.#tell(key);
    else this.#panel.notice.tell(error.message || this.#strings.say("failed"));
  }

  /**
   * With a way to begin again, where it is over.
   * @param {string} key
   */
  #tell(key) {
    const words = this.#strings.say(key, { origin: globalThis.location.origin });
    const action = this.#likeness ? null : this.#panel.againButton(() => {
      this.#panel.notice.clear();
      this.begin();
    });
    this.#panel.notice.tell(words, { action });
  }

  /** @param {AvatarEvent} event */
  #receive(event) {
    const line = this.#log.receive(event);
    if (line) this.#panel.chat.put(line);
    for (const { id, who, text, settled } of this.#log.lines) {
      if (!settled || this.#told.has(id)) continue;
      this.#told.add(id);
      if (text) this.#listener.onMessage(who, text);
    }
    if (event.type === "session.state") {
      this.#state = event.state ?? "idle";
      if (this.#likeness?.phase === "live") this.#panel.setStatus(this.#state);
      this.#panel.composer.setSpeaking(event.state === "speaking");
    } else if (event.type === "stream.layout") this.#panel.stage.setLayout(event);
    else if (event.type === "session.hearing") this.#panel.microphone.setHearing(event);
    else if (event.type === "avatar.speech_interrupted") this.#panel.stage.cut();
    else if (event.type === "avatar.handed_over") {
      this.#listener.onHandover(event.called ? "called" : "nobody");
    }
  }
}
