import { Api } from "./likeness/api.js";
import { ApiError } from "./likeness/api_error.js";
import { captionOf } from "./likeness/caption.js";
import { Hearing } from "./likeness/hearing.js";
import { Lease } from "./likeness/lease.js";
import { Lifeline } from "./likeness/lifeline.js";
import { MediaClock } from "./likeness/media_clock.js";
import { newId } from "./likeness/new_id.js";
import { Outbox } from "./likeness/outbox.js";
import { PageWatch } from "./likeness/page_watch.js";
import { Playback } from "./likeness/playback.js";
import { QualityMeter } from "./likeness/quality_meter.js";
import { withResolvers } from "./likeness/with_resolvers.js";

/** @import { LinkStats } from "./likeness/link_stats.js" */
/** @import { PeerLink } from "./likeness/peer_link.js" */
/** @import { AvatarEvent, Command, LikenessEvents, LikenessOptions } from "./likeness/types.js" */
/** @import { Manner, Phase, Wish } from "./likeness/types.js" */

export { ApiError };

/**
 * A live portrait on a page of yours: it connects, plays, speaks, listens, and stays
 * alive across losses of network, server and picture until it is closed.
 *
 *     const likeness = new Likeness({ server: "https://likeness.example", grant });
 *     likeness.attach(document.querySelector("video"));
 *     await likeness.connect();
 *     likeness.speak("Good morning.");
 *
 * Its events are CustomEvents: `phase`, `stream`, `event`, `caption`, `error`, `quality`,
 * `sound`, and each event of the server under its own type (`avatar.speech_started`, ...).
 * client_web/likeness/README.md tells them all.
 */
export class Likeness extends EventTarget {
  #options;
  #api;
  /** @type {Wish} */
  #wish;
  /** @type {Lease | null} */
  #lease = null;
  /** @type {Lifeline | null} */
  #lifeline = null;
  /** @type {PromiseWithResolvers<void> | null} */
  #connected = null;
  /** @type {Phase} */
  #phase = "closed";
  #clock = new MediaClock();
  #meter = new QualityMeter();
  #outbox = new Outbox((message) => this.#isLive && this.#send(message));
  #playback = new Playback((sound) => this.#tell("sound", sound));
  #hearing = new Hearing(
    () => this.#lifeline?.link ?? null,
    () => this.#tell("error", microphoneLost()),
  );
  #page;
  #isPageVisible = true;
  #isWantedVisible = true;
  /** @type {Manner} */
  #manner = {};
  /** @type {string | null} the session in which an interruption could not be sent */
  #owesInterrupt = null;

  /** @param {LikenessOptions} [options] */
  constructor(options = {}) {
    super();
    this.#options = options;
    this.#wish = { ...options.wish };
    this.#api = new Api(options.server ?? "", options.key ?? null);
    this.#page = new PageWatch({
      onOnline: () => this.nudge(),
      onVisible: (visible) => {
        this.#isPageVisible = visible;
        this.#see();
      },
      onLeave: () => this.#lifeline?.stop(),
      onReturn: () => this.#begin(),
    });
  }

  /** @returns {Phase} */
  get phase() {
    return this.#phase;
  }

  /** Whether the portrait can be heard, and why not. */
  get sound() {
    return this.#playback.sound;
  }

  /** @returns {string | null} the session there is now, for your own back end's use */
  get sessionId() {
    return this.#lease?.sessionId ?? null;
  }

  /**
   * Play the stream in this element, now and after each reconnect. Where the browser
   * forbids sound before a gesture, it begins muted and `sound` says so. An element that
   * is `muted` already stays so until `unmute`.
   * @param {HTMLVideoElement | null} video null: play it nowhere
   */
  attach(video) {
    this.#playback.attach(video);
  }

  /**
   * Begin, and stay alive until `close`. Called again while it is open, it does nothing
   * more; with a wish, it begins anew with that.
   * @param {Wish} [wish] in place of the last one; a `join` is then over too
   * @returns {Promise<void>} resolves when media flows for the first time
   * @throws {ApiError} when the server refuses for good (`retryable` is false) before it
   *     ever did; what passes, such as a full server or no network, is waited for
   * @throws {DOMException} AbortError: `close` was called first
   */
  connect(wish) {
    if (wish) {
      this.#end(new DOMException("begun anew", "AbortError"));
      this.#wish = { ...wish };
      this.#options = { ...this.#options, join: null };
    }
    if (this.#connected) return this.#connected.promise;
    /** @type {PromiseWithResolvers<void>} */
    const connected = withResolvers();
    connected.promise.catch(() => {}); // who does not wait need not catch
    this.#connected = connected;
    this.#page.start();
    if ("RTCPeerConnection" in globalThis) this.#begin();
    else this.#giveUp(new ApiError(0, "webrtc_missing", "This browser has no WebRTC."));
    return connected.promise;
  }

  /** Give the session back and stop. `connect` begins again. */
  close() {
    this.#shut(new DOMException("closed", "AbortError"));
  }

  /**
   * Say this; at once, or as soon as the connection stands.
   * @param {string} text at most 20,000 characters
   * @param {Manner} [manner] of this text: `voice`, `language`, `emotion`
   * @returns {string} the command's event_id, which its events have as `source_event_id`
   */
  speak(text, manner = {}) {
    return this.send({ type: "avatar.speak_text", text, ...manner });
  }

  /**
   * Answer this, as if the visitor had said it.
   * @param {string} text
   * @returns {string} the command's event_id, which its events have as `source_event_id`
   */
  respond(text) {
    return this.send({ type: "avatar.respond", text });
  }

  /**
   * Fall silent, and forget what was still to be said.
   * @returns {string} the command's event_id
   */
  interrupt() {
    this.#outbox.clear();
    const message = { type: "avatar.interrupt", event_id: newId() };
    // A session speaks on while its connection is being made anew.
    if (!this.#isLive || !this.#send(message)) this.#owesInterrupt = this.sessionId;
    return message.event_id;
  }

  /**
   * Any command of PROTOCOL.md; at once, or as soon as the connection stands. At most 16
   * wait; what is more is told as an `error` with the code `queue_full`.
   * @param {{type: string} & Record<string, unknown>} command
   * @returns {string} its event_id
   */
  send(command) {
    const message = { event_id: newId(), ...command };
    if (!this.#outbox.put(message)) {
      const words = "Too many commands wait for the connection.";
      const details = { retryable: true, sourceEventId: message.event_id };
      // Later, when the caller knows the command's id.
      queueMicrotask(() => this.#tell("error", new ApiError(0, "queue_full", words, details)));
    }
    return message.event_id;
  }

  /**
   * Speak and look so from now on, in this session and those that take its place.
   * @param {Manner} manner what is left out stays as it is
   * @returns {string} the command's event_id
   */
  setManner(manner) {
    this.#manner = { ...this.#manner, ...manner };
    const message = { type: "avatar.set", event_id: newId(), ...manner };
    if (this.#isLive) this.#outbox.put(message); // else it is told on connecting
    return message.event_id;
  }

  /**
   * The visitor's microphone, for this connection and those that follow. When its track
   * ends (unplugged, permission taken back), listening stops and an `error` with the code
   * `microphone_lost` tells it.
   * @param {MediaStreamTrack | null} track null: none
   */
  async setMicrophone(track) {
    await this.#hearing.setMicrophone(track);
  }

  /**
   * Listen to the microphone, also in connections that follow.
   * @param {boolean} [hold] one turn, which ends with `stopListening` however long the
   *   pauses are (push-to-talk)
   * @returns {string} the command's event_id
   */
  startListening(hold = false) {
    return this.#hearing.start(hold);
  }

  /** @returns {string} the command's event_id */
  stopListening() {
    return this.#hearing.stop();
  }

  /** Be heard, in the handler of a click or key: "tap to hear". */
  unmute() {
    return this.#playback.mute(false);
  }

  /** Be seen only. */
  mute() {
    return this.#playback.mute(true);
  }

  /**
   * Whether somebody can see the portrait. A hidden page is noticed without being told;
   * this is for a portrait that is scrolled or folded away. Unseen for ten minutes, it
   * gives its place on the server back, and comes again when it is seen.
   * @param {boolean} visible
   */
  setVisible(visible) {
    this.#isWantedVisible = visible;
    this.#see();
  }

  /** Try again at once, without waiting: something has changed for the better. */
  nudge() {
    this.#lifeline?.nudge();
  }

  /**
   * @template {keyof LikenessEvents & string} K
   * @overload
   * @param {K} type
   * @param {(event: CustomEvent<LikenessEvents[K]>) => void} listener
   * @param {boolean | AddEventListenerOptions} [options]
   * @returns {void}
   */
  /**
   * @overload
   * @param {string} type
   * @param {EventListenerOrEventListenerObject | null} listener
   * @param {boolean | AddEventListenerOptions} [options]
   * @returns {void}
   */
  /**
   * @param {string} type
   * @param {any} listener
   * @param {boolean | AddEventListenerOptions} [options]
   */
  addEventListener(type, listener, options) {
    super.addEventListener(type, listener, options);
  }

  get #isLive() {
    return this.#phase === "live";
  }

  /** With a session of its own, as also after the page was brought back. */
  #begin() {
    this.#lease = new Lease(this.#api, this.#wish, this.#options);
    this.#lifeline = new Lifeline(this.#api, this.#lease, {
      onPhase: (phase) => this.#setPhase(phase),
      onAttempt: () => {
        this.#clock = new MediaClock();
        this.#meter = new QualityMeter();
      },
      onLink: (link) => this.#greet(link),
      onEvent: (event) => this.#receive(event),
      onRoom: () => this.#outbox.flush(),
      onStats: (stats) => this.#measure(stats),
      onError: (error) => this.#tell("error", error),
      onOver: (error) => this.#giveUp(error),
    });
    this.#see();
    this.#lifeline.start();
  }

  /** @param {unknown} reason that a `connect` which still waits hears */
  #end(reason) {
    if (!this.#connected) return; // what was said before the first connection waits for it
    this.#connected.reject(reason);
    this.#connected = null;
    this.#lifeline?.stop();
    this.#lifeline = this.#lease = null;
    this.#outbox.clear();
  }

  /** @param {ApiError | null} error */
  #giveUp(error) {
    this.#shut(error ?? new DOMException("the session was ended", "AbortError"));
    if (error) this.#tell("error", error); // last: who hears it may connect anew
  }

  /** @param {unknown} reason as above */
  #shut(reason) {
    this.#end(reason);
    this.#page.stop();
    this.#playback.play(null);
    this.#setPhase("closed");
  }

  /** @param {PeerLink} link a new connection, through which media flows */
  #greet(link) {
    this.#tell("stream", link.stream);
    if (link !== this.#lifeline?.link) return; // closed by who heard of it
    this.#playback.play(link.stream);
    this.#setPhase("live");
    if (Object.keys(this.#manner).length) {
      this.#send({ type: "avatar.set", event_id: newId(), ...this.#manner });
    }
    this.#hearing.resume();
    if (this.#owesInterrupt && this.#owesInterrupt === this.sessionId) {
      this.#send({ type: "avatar.interrupt", event_id: newId() });
    }
    this.#owesInterrupt = null;
    this.#outbox.flush();
    this.#connected?.resolve();
  }

  /** @param {AvatarEvent} event */
  #receive(event) {
    const momentMs = event.media_ms ?? event.start_ms;
    if (momentMs !== undefined) this.#clock.observe(momentMs, performance.now());
    this.#tell("event", event);
    if (event.type === "error") this.#tell("error", ApiError.of(event));
    else this.#tell(event.type, event);
    if (event.type === "avatar.caption") this.#tell("caption", captionOf(event, this.#clock));
  }

  /** @param {LinkStats} stats */
  #measure(stats) {
    this.#clock.follow(stats);
    if (!this.#lifeline?.isVisible) return this.#meter.reset();
    const quality = this.#meter.observe(stats, performance.now());
    if (quality) this.#tell("quality", quality);
  }

  /** @param {Command} message */
  #send(message) {
    return this.#lifeline?.send(message) ?? false;
  }

  /** The portrait is seen where both are: the page, and it in the page. */
  #see() {
    const isSeen = this.#isPageVisible && this.#isWantedVisible;
    this.#lifeline?.setVisible(isSeen);
    if (isSeen) this.#playback.resume();
  }

  /** @param {Phase} phase */
  #setPhase(phase) {
    if (phase === this.#phase) return;
    this.#phase = phase;
    this.#tell("phase", phase);
  }

  /**
   * @param {string} type
   * @param {unknown} detail
   */
  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

function microphoneLost() {
  const message = "The microphone is gone.";
  return new ApiError(0, "microphone_lost", message, { retryable: true });
}
