import { AudioFeed } from "./audio_feed.js";
import { nobody } from "./composition.js";
import { DelayMeter } from "./delay_meter.js";
import { LiveSource } from "./live_source.js";
import { RealMicrophone } from "./real_microphone.js";
import { VideoFeed } from "./video_feed.js";

/** @import { AvatarEvent } from "../../likeness/types.js" */
/** @import { PictureSize } from "../page/picture_size.js" */
/** @import { BackgroundLink, FrameSettings, Report } from "./background_link.js" */
/** @import { Picture } from "./composition.js" */

const TICK_MS = 250; // once a second in the background, which is often enough
const REPORT_EVERY_MS = 5_000;
const MEASURE_EVERY_MS = 2_000;
const MOST_FEEDS = 24; // of a kind; a call needs two or three
const LINGER_MS = 3_000; // a site that changes its device stops one track, then asks anew

/**
 * The camera and the microphone of one frame of a site: whoever the site asks for are
 * fed from one live portrait, which is there while the site holds a track of it.
 */
export class StandIn {
  #background;
  #settings;
  /** @type {Map<number, VideoFeed>} */
  #videos = new Map();
  /** @type {Map<number, AudioFeed>} */
  #audios = new Map();
  /** @type {LiveSource | null} */
  #source = null;
  /** @type {Picture} */
  #still = nobody();
  #usedMs = 0;
  #reportedMs = -Infinity;
  #measuredMs = -Infinity;
  #microphone = new RealMicrophone();
  #meter = new DelayMeter();
  /** @type {Report} */
  #report = {
    phase: "closed",
    camera: false,
    microphone: false,
    speaking: false,
    delayMs: null,
    serverDelayMs: null,
  };

  /**
   * @param {BackgroundLink} background
   * @param {FrameSettings} settings
   */
  constructor(background, settings) {
    this.#background = background;
    this.#settings = settings;
    setInterval(() => this.#tick(), TICK_MS);
  }

  /**
   * @param {number} id of the request
   * @param {PictureSize | null} size of its picture; null: it wants none
   * @param {boolean} audio
   * @returns {Promise<MediaStreamTrack[]>}
   * @throws {RangeError} when the site has far too many
   */
  async give(id, size, audio) {
    if (Math.max(this.#videos.size, this.#audios.size) >= MOST_FEEDS) throw new RangeError();
    this.#usedMs = performance.now();
    if (!this.#source) await this.#open();
    if (size) this.#videos.set(id, new VideoFeed(size, this.#still));
    if (audio) this.#audios.set(id, new AudioFeed());
    this.#tell({ camera: this.#videos.size > 0, microphone: this.#audios.size > 0 });
    return [this.#videos.get(id)?.track, this.#audios.get(id)?.track].filter((track) => !!track);
  }

  /**
   * @param {number} id
   * @param {PictureSize} size
   */
  resize(id, size) {
    this.#videos.get(id)?.resize(size);
  }

  /** @param {FrameSettings} settings */
  async change(settings) {
    const before = this.#settings;
    this.#settings = settings;
    if (!settings.on) this.#unplug();
    if (!this.#source || settings.look === before.look) return;
    this.#source.close();
    await this.#open();
  }

  /** Likeness was switched off in the middle of a call. */
  #unplug() {
    for (const feeds of [this.#videos, this.#audios]) {
      for (const feed of feeds.values()) feed.end();
      feeds.clear();
    }
    if (this.#source) this.#close();
  }

  async #open() {
    this.#source = new LiveSource(this.#background, {
      onFrame: (frame) => this.#show(frame),
      onSound: (sound) => this.#hear(sound),
      onPhase: (phase) => this.#tell({ phase, speaking: false }),
      onEvent: (event) => this.#follow(event),
    });
    this.#tell({ delayMs: null, serverDelayMs: null });
    await Promise.all([this.#findStill(), this.#listen()]);
  }

  async #findStill() {
    try {
      const url = await this.#background.preview();
      if (!url) return;
      const bytes = Uint8Array.from(atob(url.split(",")[1]), (each) => each.charCodeAt(0));
      this.#still = await createImageBitmap(new Blob([bytes]));
      for (const feed of this.#videos.values()) feed.show(this.#still);
    } catch {
      // The face without features will do.
    }
  }

  /** In puppet mode, and only then, the real microphone is on. */
  async #listen() {
    const source = this.#source;
    this.#meter.reset();
    if (!this.#settings.puppet) return this.#microphone.close();
    try {
      await source?.setMicrophone(await this.#microphone.open((sound) => this.#meter.said(sound)));
    } catch {
      this.#tell({ phase: "refused" }); // the site may not use the microphone
    }
  }

  /** @param {VideoFrame} frame */
  #show(frame) {
    for (const feed of this.#videos.values()) feed.show(frame);
  }

  /** @param {AudioData} sound */
  #hear(sound) {
    for (const feed of this.#audios.values()) feed.hear(sound);
    if (this.#settings.puppet) this.#meter.heard(sound);
  }

  /** @param {AvatarEvent} event */
  #follow(event) {
    if (event.type === "session.state") this.#tell({ speaking: event.state === "speaking" });
    if (event.type === "puppet.delay") this.#tell({ serverDelayMs: delayOf(event) });
    if (event.type === "session.closed") this.#background.close();
  }

  #tick() {
    for (const feeds of [this.#videos, this.#audios]) {
      for (const [id, feed] of feeds) {
        feed.hold();
        if (feed.isEnded) feeds.delete(id);
      }
    }
    const nowMs = performance.now();
    if (this.#videos.size || this.#audios.size) this.#usedMs = nowMs;
    else if (this.#source && nowMs - this.#usedMs > LINGER_MS) this.#close();
    if (!this.#source) return;
    this.#tell({ camera: this.#videos.size > 0, microphone: this.#audios.size > 0 });
    if (this.#settings.puppet && nowMs - this.#measuredMs > MEASURE_EVERY_MS) {
      this.#measuredMs = nowMs;
      this.#tell({ delayMs: this.#meter.delayMs() ?? this.#report.delayMs });
    }
    if (nowMs - this.#reportedMs > REPORT_EVERY_MS) this.#send();
  }

  #close() {
    this.#microphone.close();
    this.#source?.close();
    this.#source = null;
    this.#background.close();
  }

  /** @param {Partial<Report>} news */
  #tell(news) {
    const before = JSON.stringify(this.#report);
    this.#report = { ...this.#report, ...news };
    if (JSON.stringify(this.#report) !== before) this.#send();
  }

  #send() {
    this.#reportedMs = performance.now();
    this.#background.report(this.#report);
  }
}

/** @param {AvatarEvent & {delay_ms?: number}} event */
function delayOf({ delay_ms }) {
  return delay_ms ?? null;
}
