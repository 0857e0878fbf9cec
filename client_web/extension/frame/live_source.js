import { Backoff } from "../../likeness/backoff.js";
import { PeerLink } from "../../likeness/peer_link.js";
import { StallWatch } from "../../likeness/stall_watch.js";
import { Refusal } from "./background_link.js";
import { InStep } from "./in_step.js";

/** @import { AvatarEvent } from "../../likeness/types.js" */
/** @import { BackgroundLink } from "./background_link.js" */

const WATCH_MS = 1_000;
const MOST_WAITING = 1; // pictures that may wait to be drawn

/** @typedef {"connecting" | "live" | "reconnecting" | "full" | "refused" | "closed"} SourcePhase */

/**
 * @typedef {object} SourceListener
 * @property {(frame: VideoFrame) => void} onFrame closed when this returns
 * @property {(sound: AudioData) => void} onSound closed when this returns
 * @property {(phase: SourcePhase) => void} onPhase
 * @property {(event: AvatarEvent) => void} onEvent
 */

/**
 * The portrait's live pictures and sound, across losses of network, server and picture.
 * Sessions are the background's business; here is only the connection to them.
 */
export class LiveSource {
  #background;
  #listener;
  #backoff = new Backoff();
  #life = new AbortController();
  /** @type {PeerLink | null} */
  #link = null;
  /** @type {MediaStreamTrack | null} */
  #microphone = null;

  /**
   * @param {BackgroundLink} background
   * @param {SourceListener} listener
   */
  constructor(background, listener) {
    this.#background = background;
    this.#listener = listener;
    this.#listener.onPhase("connecting");
    this.#run(this.#life.signal);
  }

  /** The session stays, for who comes next; giving it back is the caller's business. */
  close() {
    this.#life.abort();
    this.#link?.close("closed");
    this.#listener.onPhase("closed");
  }

  /** @param {MediaStreamTrack | null} track what moves the portrait, in puppet mode */
  async setMicrophone(track) {
    this.#microphone = track;
    await this.#link?.setMicrophone(track);
  }

  /** @param {AbortSignal} signal */
  async #run(signal) {
    while (!signal.aborted) {
      let waitMs = 0;
      try {
        await this.#stay(await this.#connect(), signal);
        if (!signal.aborted) this.#listener.onPhase("reconnecting");
      } catch (error) {
        if (!signal.aborted) waitMs = this.#tell(error);
      }
      await rest(Math.max(waitMs, this.#backoff.next()), signal);
    }
  }

  async #connect() {
    const link = new PeerLink({ onMessage: (event) => this.#listener.onEvent(event) });
    this.#link = link;
    try {
      const [iceServers] = await Promise.all([this.#background.open(), link.prepare()]);
      await link.connect(iceServers, (offer) => this.#background.offer(offer));
      if (this.#microphone) await link.setMicrophone(this.#microphone);
      return link;
    } catch (error) {
      link.close("failed");
      throw error;
    }
  }

  /**
   * @param {PeerLink} link
   * @param {AbortSignal} signal
   */
  async #stay(link, signal) {
    if (signal.aborted) return link.close("closed");
    const stall = new StallWatch();
    let frames = 0;
    const [video] = link.stream.getVideoTracks();
    const [audio] = link.stream.getAudioTracks();
    const silent = playMuted(audio);
    const step = new InStep((frame) => this.#listener.onFrame(frame));
    const watch = setInterval(async () => {
      step.setLead((await link.stats()).pictureLeadMs);
      if (frames > 0) this.#backoff.reset();
      if (stall.observe(frames, performance.now())) link.close("stalled");
    }, WATCH_MS);
    pump(video, (/** @type {VideoFrame} */ frame) => {
      if (++frames === 1) this.#listener.onPhase("live");
      step.push(frame, performance.now());
    });
    pump(audio, (/** @type {AudioData} */ sound) => {
      this.#listener.onSound(sound);
      sound.close();
      step.tick(performance.now());
    });
    await link.ended;
    clearInterval(watch);
    step.close();
    silent.srcObject = null;
  }

  /**
   * @param {unknown} error
   * @returns {number} milliseconds to wait at least
   */
  #tell(error) {
    if (!(error instanceof Refusal)) {
      this.#listener.onPhase("reconnecting");
      return 0;
    }
    const isFull = error.code === "server_full";
    this.#listener.onPhase(isFull ? "full" : error.isPassing ? "reconnecting" : "refused");
    return 1000 * error.retryAfterS;
  }
}

/**
 * Chromium decodes a remote sound only while something plays it, if without a sound.
 * @param {MediaStreamTrack} track
 */
function playMuted(track) {
  const element = new Audio();
  element.muted = true;
  element.srcObject = new MediaStream([track]);
  element.play().catch(() => {});
  return element;
}

/**
 * @template {VideoFrame | AudioData} T
 * @param {MediaStreamTrack} track
 * @param {(data: T) => void} take has to close it
 */
async function pump(track, take) {
  const options = track.kind === "video" ? { track, maxBufferSize: MOST_WAITING } : { track };
  const processor = /** @type {MediaStreamTrackProcessor<T>} */ (
    new MediaStreamTrackProcessor(options)
  );
  const reader = processor.readable.getReader();
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    take(value);
  }
}

/**
 * @param {number} ms
 * @param {AbortSignal} signal
 */
function rest(ms, signal) {
  if (signal.aborted) return;
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
    signal.addEventListener("abort", resolve, { once: true });
  });
}
