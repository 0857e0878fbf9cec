import { ApiError } from "./api_error.js";
import { Backoff } from "./backoff.js";
import { PeerLink } from "./peer_link.js";
import { StallWatch } from "./stall_watch.js";

/** @import { Api } from "./api.js" */
/** @import { Lease } from "./lease.js" */
/** @import { LinkStats } from "./link_stats.js" */
/** @import { AvatarEvent, Command, Phase } from "./types.js" */

const FULL = ["server_full", "server_overloaded", "viewers_full", "no_media_port"];
const BUSY = [429, 503]; // what a server says when it would, but cannot yet
const BLOCKED_AFTER = 2; // attempts that reached the server, but no picture came back
const WATCH_MS = 1_000;
const UNSEEN_MS = 10 * 60_000; // a portrait that nobody looks at gives its place back then
const RETRY_JITTER = 0.3; // of what a server asks to wait, or all would return at once
const EXPIRED = "token_expired";
const FINAL_REASONS = ["deleted", "silence"]; // its owner ended it; it has said goodbye

/**
 * @typedef {object} LifelineListener
 * @property {(phase: Phase) => void} onPhase
 * @property {() => void} onAttempt a new connection is begun
 * @property {(link: PeerLink) => void} onLink media flows through it
 * @property {(event: AvatarEvent) => void} onEvent
 * @property {() => void} onRoom the connection takes commands again
 * @property {(stats: LinkStats) => void} onStats once a second
 * @property {(error: ApiError) => void} onError told once, however often it comes
 * @property {(error: ApiError | null) => void} onOver there is nothing to come back to;
 *     null: the session was ended
 */

/**
 * Keeps a connection to a session: across losses of network, server and picture, until
 * it is stopped. A session outlives its connections; when the server has forgotten it,
 * a new one takes its place.
 */
export class Lifeline {
  #api;
  #lease;
  #listener;
  #backoff = new Backoff();
  #life = new AbortController();
  /** @type {PeerLink | null} */
  #link = null;
  #wasLive = false;
  #told = "";
  #unconnected = 0;
  #dropped = 0;
  #renewed = false; // another token was asked for since the connection last stood
  #hiddenSinceMs = Infinity;
  #nudged = false;
  #wake = () => {};

  /**
   * @param {Api} api
   * @param {Lease} lease
   * @param {LifelineListener} listener
   */
  constructor(api, lease, listener) {
    this.#api = api;
    this.#lease = lease;
    this.#listener = listener;
  }

  /** @returns {PeerLink | null} the connection as it is, or is becoming */
  get link() {
    return this.#link;
  }

  start() {
    this.#listener.onPhase("connecting");
    this.#run(this.#life.signal);
  }

  /** For good. May be called while the page goes. */
  stop() {
    this.#life.abort(new DOMException("closed", "AbortError"));
    this.#link?.close("closed");
    this.#lease.giveBack();
  }

  /**
   * @param {Command} command
   * @returns {boolean} whether it is on its way
   */
  send(command) {
    if (!this.#link) return false;
    if (this.#link.carries(command)) return this.#link.send(command);
    this.#post(command); // long texts, pictures to stand behind the portrait
    return true;
  }

  /** Something has changed for the better (a network came back): try at once. */
  nudge() {
    this.#backoff.reset();
    this.#nudged = true;
    this.#wake();
  }

  /** @param {boolean} visible whether somebody can see the portrait */
  setVisible(visible) {
    if (visible === this.isVisible) return;
    this.#hiddenSinceMs = visible ? Infinity : performance.now();
    if (visible) this.nudge();
  }

  get isVisible() {
    return this.#hiddenSinceMs === Infinity;
  }

  get #isForgotten() {
    return performance.now() - this.#hiddenSinceMs > UNSEEN_MS;
  }

  /** @param {AbortSignal} signal */
  async #run(signal) {
    while (!signal.aborted) {
      let waitMs;
      try {
        const link = await this.#connect(signal);
        this.#nudged = false;
        await this.#stay(link);
        if (signal.aborted) return;
        this.#miss();
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
    const link = new PeerLink({
      onMessage: (event) => this.#receive(link, event),
      onRoom: () => this.#listener.onRoom(),
    });
    this.#link = link;
    this.#listener.onAttempt();
    try {
      const [grant] = await Promise.all([this.#lease.take(signal), link.prepare()]);
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
    this.#wasLive = true;
    this.#told = "";
    this.#unconnected = this.#dropped = 0;
    this.#renewed = false;
    this.#listener.onLink(link);
    return link;
  }

  /**
   * Watch a connection until it ends.
   * @param {PeerLink} link
   */
  async #stay(link) {
    const stall = new StallWatch();
    const timer = setInterval(async () => {
      const stats = await link.stats();
      const nowMs = performance.now();
      if (stats.framesDecoded > 0) this.#backoff.reset();
      if (!this.isVisible) stall.reset();
      if (stall.observe(stats.framesDecoded, nowMs)) link.close("stalled");
      this.#listener.onStats(stats);
      if (this.#isForgotten) {
        this.#lease.giveBack();
        link.close("nobody looks");
      } else if (this.#lease.isDue) {
        this.#keepAlive(link);
      }
    }, WATCH_MS);
    try {
      await link.ended;
    } finally {
      clearInterval(timer);
    }
  }

  /** @param {Command} command */
  async #post(command) {
    try {
      await this.#lease.send(command);
    } catch (error) {
      const known = error instanceof ApiError ? error : new ApiError(0, "not_sent", "");
      this.#listener.onError(known.about(command.event_id));
    }
  }

  /** @param {PeerLink} link */
  async #keepAlive(link) {
    try {
      await this.#lease.keepAlive();
    } catch (error) {
      // No answer at all is the stall watch's business: the picture may still flow.
      if (!(error instanceof ApiError && error.isGone)) return;
      if (error.code !== EXPIRED || !this.#lease.expire()) this.#lease.drop();
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
      this.#miss();
      if (this.#unconnected >= BLOCKED_AFTER) {
        this.#tell(new ApiError(0, "media_blocked", "", { retryable: true }));
      }
      return this.#backoff.next();
    }
    if (error.retryable) return this.#waitPassing(error);
    if (error.code === EXPIRED && !this.#renewed && this.#lease.expire()) {
      this.#renewed = true;
      return 0;
    }
    if (this.#lease.sessionId && !this.#lease.isJoined) {
      this.#lease.drop(); // the server knows it no more, or will not have us again
      this.#miss();
      this.#dropped += 1;
      if (this.#dropped === 1) return 0;
    }
    if (!this.#wasLive || this.#lease.isJoined) this.#end(error);
    else this.#tell(error);
    return this.#backoff.next();
  }

  /** @param {ApiError} error */
  #waitPassing(error) {
    if (FULL.includes(error.code)) this.#listener.onPhase("full");
    else this.#miss();
    // Once it has worked, a back end or proxy that does not answer is like no network.
    const isOutage = !error.code || error.code === "grant_failed";
    if (!BUSY.includes(error.status) && !(isOutage && this.#wasLive)) this.#tell(error);
    const askedMs = 1000 * error.retryAfterS * (1 + RETRY_JITTER * Math.random());
    return Math.max(askedMs, this.#backoff.next());
  }

  /** @param {ApiError | null} error */
  #end(error) {
    // Whoever heard of a phase or an event may have stopped us, and begun anew.
    if (!this.#life.signal.aborted) this.#listener.onOver(error);
  }

  #miss() {
    this.#listener.onPhase(navigator.onLine ? "reconnecting" : "offline");
  }

  /** @param {ApiError} error */
  #tell(error) {
    if (error.code !== this.#told) this.#listener.onError(error);
    this.#told = error.code;
  }

  /**
   * @param {PeerLink} link
   * @param {AvatarEvent} event
   */
  #receive(link, event) {
    if (link !== this.#link) return;
    if (event.type === "error" && event.code === EXPIRED && !event.source_event_id) {
      this.#lease.expire(); // where nobody can renew it, the next attempt tells
      link.close("token expired");
      return;
    }
    if (event.type === "session.token" && event.token) {
      this.#lease.renew(event.token, event.expires_in_s);
    }
    this.#listener.onEvent(event);
    if (event.type !== "session.closed" || this.#life.signal.aborted) return;
    const over = this.#lease.isJoined || FINAL_REASONS.includes(event.reason ?? "");
    this.#lease.drop();
    if (over) this.#end(null);
    else link.close("session closed");
  }

  /**
   * Wait; shorter when nudged, and for somebody to look when nobody has for long.
   * @param {number} ms
   * @param {AbortSignal} signal
   */
  async #rest(ms, signal) {
    if (this.#nudged || signal.aborted) ms = 0; // nudged during the attempt that failed
    this.#nudged = false;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let timer;
    await new Promise((resolve) => {
      this.#wake = () => resolve(undefined);
      signal.addEventListener("abort", this.#wake, { once: true });
      if (!ms || !this.#isForgotten) timer = setTimeout(resolve, ms);
    });
    signal.removeEventListener("abort", this.#wake);
    clearTimeout(timer);
  }
}
