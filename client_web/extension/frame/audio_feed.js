const SILENT_AFTER_MS = 400;
const RATE_HZ = 48_000;
const SILENCE = new Float32Array(RATE_HZ / 100);

/** One microphone track in the site's hands; without a voice behind it, it is silent. */
export class AudioFeed {
  #generator = new MediaStreamTrackGenerator({ kind: "audio" });
  #writer = this.#generator.writable.getWriter();
  #isEnded = false;
  #heardMs = -Infinity;

  constructor() {
    this.track = this.#generator.clone(); // as of a VideoFeed
    this.#generator.stop();
    this.hold();
  }

  /** As if the device were unplugged: the site hears that its track has ended. */
  async end() {
    this.#isEnded = true;
    await this.#writer.close().catch(() => {}); // the site may have been quicker
  }

  /** Whether the site has stopped the track, and all that were cloned from it. */
  get isEnded() {
    return this.#isEnded;
  }

  /** @param {AudioData} sound it stays the caller's to close */
  hear(sound) {
    this.#write(sound.clone());
  }

  /** Some silence, if no sound has come. Call this now and then. */
  hold() {
    if (performance.now() - this.#heardMs <= SILENT_AFTER_MS) return;
    const timestamp = 1000 * performance.now();
    const frames = { numberOfFrames: SILENCE.length, numberOfChannels: 1, sampleRate: RATE_HZ };
    this.#write(new AudioData({ format: "f32", ...frames, timestamp, data: SILENCE }));
  }

  /** @param {AudioData} sound */
  async #write(sound) {
    if (this.#isEnded) return sound.close();
    this.#heardMs = performance.now();
    try {
      await this.#writer.write(sound);
    } catch {
      sound.close();
      this.#isEnded = true;
    }
  }
}
