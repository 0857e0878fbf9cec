import { ApiError } from "./likeness/api_error.js";
import { Backoff } from "./likeness/backoff.js";
import { MediaClock } from "./likeness/media_clock.js";
import { PeerLink } from "./likeness/peer_link.js";
import { StallWatch } from "./likeness/stall_watch.js";

/** @import { Api } from "./likeness/api.js" */
/** @import { AvatarEvent, Caption, Manner, Phase, SessionGrant, Wish } from "./likeness/types.js" */

const SERVER_FULL = "server_full";
export const MEDIA_BLOCKED = "media_blocked"; // the code of an error of our own
const BLOCKED_AFTER = 2; // attempts that reached the server, but no picture came back
const WATCH_MS = 1_000;
const KEEP_ALIVE_MS = 15_000;
const HIDDEN_KEEP_MS = 5 * 60_000; // a page nobody looks at gives its place back then
const MOST_UNSENT = 4; // texts said before the connection stands; the oldest give way

/**
 * @typedef {object} Listener
 * @property {(phase: Phase) => void} onPhase
 * @property {(stream: MediaStream) => void} onStream a new connection's sound and picture
 * @property {(event: AvatarEvent) => void} onEvent every event of the server
 * @property {(caption: Caption) => void} onCaption a clause, and when its words sound
 * @property {(error: ApiError) => void} onError what the server refused
 * @property {(wish: Wish) => void} onWishChanged the server has no such portrait or
 *     voice (any more), and its own choice is asked for instead
 */

/**
 * A live portrait: keeps a session with the server and a connection to it for as long
 * as it is open, across losses of network, server and picture.
 *
 * Knows no DOM. A session outlives its connections; when the server has forgotten it, a
 * new one takes its place.
 */
export class Likeness {
  #api;
  #listener;
  #isOnline;
  /** @type {Wish} */
  #wish = { identity: null, voice: null, language: null };
  /** @type {SessionGrant | null} */
  #grant = null;
  /** @type {SessionGrant | null} not ours to give back */
  #shared = null;
  /** @type {PeerLink | null} */
  #link = null;
  #clock = new MediaClock();
  #backoff = new Backoff();
  #life = new AbortController();
  /** @type {Phase} */
  #phase = "closed";
  #told = "";
  #unconnected = 0;
  /** @type {object[]} */
  #unsent = [];
  /** @type {MediaStreamTrack | null} */
  #microphone = null;
  /** @type {Manner} */
  #manner = {};
  #hiddenSinceMs = Infinity;
  #wake = () => {};

  /**
   * @param {Api} api
   * @param {Listener} listener
   * @param {() => boolean} [isOnline] whether the browser believes it has a network
   */
  constructor(api, listener, isOnline = () => navigator.onLine) {
    this.#api = api;
    this.#listener = listener;
    this.#isOnline = isOnline;
  }

  get phase() {
    return this.#phase;
  }

  /**
   * Begin; or, when open, begin anew with another portrait or voice.
   * @param {Wish} wish
   * @param {SessionGrant | null} [shared] a session of somebody else's to watch as long
   *   as it lasts, instead of one of our own
   */
  open(wish, shared = null) {
    this.close();
    this.#wish = { ...wish };
    // With an id of our own, so that no other viewer gives way to us.
    this.#grant = this.#shared = shared && { ...shared, viewer_id: newId() };
    this.#life = new AbortController();
    this.#setPhase("connecting");
    this.#run(this.#life.signal);
  }

  /** Give the session back and stop. May be called while the page goes. */
  close() {
    this.#life.abort(new DOMException("closed", "AbortError"));
    this.#link?.close("closed");
    this.#freeGrant();
    this.#setPhase("closed");
  }

  /**
   * Say this; at once, or as soon as the connection stands.
   * @param {string} text
   * @param {Manner} [manner]
   * @returns {string} the command's event_id
   */
  speak(text, manner = {}) {
    return this.#command({ type: "avatar.speak_text", text, ...manner });
  }

  /**
   * Ask this: the portrait answers.
   * @param {string} text
   * @returns {string} the command's event_id
   */
  ask(text) {
    return this.#command({ type: "avatar.respond", text });
  }

  /**
   * Speak and answer so from now on.
   * @param {Manner} manner
   */
  setManner(manner) {
    this.#manner = manner;
    this.#sendManner();
  }

  /**
   * The visitor's microphone, for this connection and those that follow; null: none.
   * @param {MediaStreamTrack | null} track
   */
  async setMicrophone(track) {
    this.#microphone = track;
    await this.#link?.setMicrophone(track);
  }

  /** @param {boolean} hold one turn, which ends when listening is stopped */
  startListening(hold) {
    this.#link?.send({ type: "avatar.start_listening", event_id: newId(), hold });
  }

  stopListening() {
    this.#link?.send({ type: "avatar.stop_listening", event_id: newId() });
  }

  /** Fall silent, and forget what was still to be said. */
  interrupt() {
    this.#unsent = [];
    this.#link?.send({ type: "avatar.interrupt", event_id: newId() });
  }

  /** Something has changed for the better (a network came back): try at once. */
  nudge() {
    this.#backoff.reset();
    this.#wake();
  }

  /** @param {boolean} visible whether somebody can see the portrait */
  setVisible(visible) {
    this.#hiddenSinceMs = visible ? Infinity : performance.now();
    if (visible) this.nudge();
  }

  /**
   * Send at once, or as soon as a connection stands.
   * @param {object} command without its event_id
   */
  #command(command) {
    const message = { event_id: newId(), ...command };
    if (!this.#link?.send(message)) {
      this.#unsent.push(message);
      if (this.#unsent.length > MOST_UNSENT) this.#unsent.shift();
    }
    return message.event_id;
  }

  #sendManner() {
    if (this.#manner.voice || this.#manner.language) {
      this.#link?.send({ type: "avatar.set", event_id: newId(), ...this.#manner });
    }
  }

  /** @param {AbortSignal} signal */
  async #run(signal) {
    while (!signal.aborted) {
      let waitMs;
      try {
        const link = await this.#connect(signal);
        await this.#stay(link, signal);
        if (signal.aborted) return;
        this.#setPhase(this.#isOnline() ? "reconnecting" : "offline");
        waitMs = this.#backoff.next();
      } catch (error) {
        if (signal.aborted) return;
        waitMs = this.#waitAfter(error);
      }
      await this.#rest(waitMs, signal);
    }
  }

  /** @param {AbortSignal} signal */
  async #connect(signal) {
    const link = new PeerLink((event) => this.#receive(event));
    this.#link = link;
    this.#clock = new MediaClock();
    try {
      const [grant] = await Promise.all([this.#session(signal), link.prepare()]);
      await link.connect(grant.ice_servers ?? [], async (offer) => {
        const answer = await this.#api.offer(grant, offer, signal);
        this.#unconnected += 1;
        return answer;
      });
      signal.throwIfAborted();
    } catch (error) {
      link.close("failed");
      throw error;
    }
    this.#listener.onStream(link.stream);
    this.#setPhase("live");
    this.#told = "";
    this.#unconnected = 0;
    this.#sendManner();
    if (this.#microphone) await link.setMicrophone(this.#microphone);
    for (const message of this.#unsent.splice(0)) link.send(message);
    return link;
  }

  /** @param {AbortSignal} signal */
  async #session(signal) {
    if (this.#grant) {
      if (!this.#grant.ice_servers) await this.#api.completeGrant(this.#grant, signal);
      return this.#grant;
    }
    const grant = await this.#api.createSession(this.#wish, signal);
    if (signal.aborted) this.#api.freeSession(grant);
    signal.throwIfAborted();
    this.#grant = grant;
    return grant;
  }

  /**
   * Watch a connection until it ends.
   * @param {PeerLink} link
   * @param {AbortSignal} signal
   */
  async #stay(link, signal) {
    const stall = new StallWatch();
    let keptMs = performance.now();
    const timer = setInterval(async () => {
      const { framesDecoded, audioDelayMs } = await link.sample();
      const nowMs = performance.now();
      if (audioDelayMs !== null) this.#clock.setPlayoutDelay(audioDelayMs);
      if (framesDecoded > 0) this.#backoff.reset();
      if (this.#hiddenSinceMs < nowMs) stall.reset();
      if (stall.observe(framesDecoded, nowMs)) link.close("stalled");
      if (nowMs - keptMs > KEEP_ALIVE_MS && nowMs - this.#hiddenSinceMs < HIDDEN_KEEP_MS) {
        keptMs = nowMs;
        this.#keepAlive(link);
      }
    }, WATCH_MS);
    try {
      await link.ended;
    } finally {
      clearInterval(timer);
      if (signal.aborted) this.#unsent = [];
    }
  }

  /** @param {PeerLink} link */
  async #keepAlive(link) {
    if (!this.#grant) return;
    try {
      await this.#api.keepAlive(this.#grant);
    } catch (error) {
      // No answer at all is the stall watch's business: the picture may still flow.
      if (!(error instanceof ApiError && error.isGone)) return;
      this.#grant = null;
      link.close("session gone");
    }
  }

  /**
   * What a failed attempt means.
   * @param {unknown} error
   * @returns {number} milliseconds to wait before the next
   */
  #waitAfter(error) {
    if (!(error instanceof ApiError)) {
      this.#setPhase(this.#isOnline() ? "reconnecting" : "offline");
      if (this.#unconnected >= BLOCKED_AFTER) this.#tell(new ApiError(0, MEDIA_BLOCKED, ""));
      return this.#backoff.next();
    }
    if (error.isPassing) {
      this.#setPhase(error.code === SERVER_FULL ? "full" : "reconnecting");
      return Math.max(1000 * error.retryAfterS, this.#backoff.next());
    }
    this.#setPhase("reconnecting");
    if (this.#grant) {
      this.#freeGrant(); // the server knows it no more, or will not have it again
      return 0;
    }
    this.#tell(error);
    if (error.status < 500 && this.#relax(error.code)) return 0;
    return this.#backoff.next();
  }

  /** @param {ApiError} error told once, however often it comes */
  #tell(error) {
    if (error.code !== this.#told) this.#listener.onError(error);
    this.#told = error.code;
  }

  /**
   * Ask for less, after the server refused what was wished for.
   * @param {string} code
   * @returns {boolean} whether there was anything to give up
   */
  #relax(code) {
    const { identity, voice, language } = this.#wish;
    if (identity === null && voice === null && language === null) return false;
    const onlyVoice = /voice|language/.test(code) && (voice ?? language) !== null;
    this.#wish = {
      ...this.#wish,
      identity: onlyVoice ? identity : null,
      voice: null,
      language: null,
    };
    this.#listener.onWishChanged({ ...this.#wish });
    return true;
  }

  /** @param {AvatarEvent} event */
  #receive(event) {
    const nowMs = performance.now();
    const momentMs = event.media_ms ?? event.start_ms;
    if (momentMs !== undefined) this.#clock.observe(momentMs, nowMs);
    if (event.type === "avatar.caption") this.#listener.onCaption(this.#caption(event));
    if (event.type === "session.closed") {
      this.#grant = null;
      this.#link?.close("session closed");
    }
    this.#listener.onEvent(event);
  }

  /**
   * @param {AvatarEvent} event
   * @returns {Caption}
   */
  #caption({ utterance_id = "", text = "", start_ms = 0, end_ms = 0, words = [] }) {
    const timed = words.length ? words : [{ text, start_ms }];
    return {
      utteranceId: utterance_id,
      text,
      words: timed.map((word) => ({
        text: word.text,
        atMs: this.#clock.soundsAt(word.start_ms),
      })),
      endMs: this.#clock.soundsAt(end_ms),
    };
  }

  /**
   * Wait; shorter when nudged, longer while nobody looks.
   * @param {number} ms
   * @param {AbortSignal} signal
   */
  async #rest(ms, signal) {
    const hidden = this.#hiddenSinceMs < Infinity;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let timer;
    await new Promise((resolve) => {
      this.#wake = () => resolve(undefined);
      signal.addEventListener("abort", this.#wake, { once: true });
      if (!hidden) timer = setTimeout(resolve, ms);
    });
    clearTimeout(timer);
  }

  #freeGrant() {
    if (this.#grant && this.#grant !== this.#shared) this.#api.freeSession(this.#grant);
    this.#grant = this.#shared = null;
  }

  /** @param {Phase} phase */
  #setPhase(phase) {
    if (phase === this.#phase) return;
    this.#phase = phase;
    this.#listener.onPhase(phase);
  }
}

/** Unique enough for one session; crypto.randomUUID needs a secure context. */
function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
