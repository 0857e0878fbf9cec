const BANDS = 512; // samples of one look at the level
const QUIET_DB = -58; // of a quiet room; the meter begins here
const LOUD_DB = -12;

/** The visitor's microphone: its track, and how loud it is. */
export class Microphone {
  /** @type {MediaStream | null} */
  #stream = null;
  /** @type {AudioContext | null} */
  #context = null;
  /** @type {AnalyserNode | null} */
  #analyser = null;
  #samples = new Float32Array(BANDS);
  #onLost;

  /** @param {() => void} onLost the microphone was unplugged, or its permission taken back */
  constructor(onLost) {
    this.#onLost = onLost;
  }

  /**
   * Ask for the microphone, with the browser's echo cancellation.
   * @returns {Promise<MediaStreamTrack>}
   * @throws {DOMException} by its name: NotAllowedError, NotFoundError, NotReadableError
   * @throws {TypeError} where the page is not served securely
   */
  async open() {
    if (!this.#stream) {
      const wanted = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
      this.#stream = await navigator.mediaDevices.getUserMedia({ audio: wanted });
      this.#track.onended = () => {
        this.close();
        this.#onLost();
      };
      this.#measure(this.#stream);
    }
    return this.#track;
  }

  close() {
    for (const track of this.#stream?.getTracks() ?? []) {
      track.onended = null;
      track.stop();
    }
    this.#context?.close();
    this.#stream = this.#context = this.#analyser = null;
  }

  /** How loud it is: 0 a quiet room to 1 loud. */
  get level() {
    if (!this.#analyser) return 0;
    this.#analyser.getFloatTimeDomainData(this.#samples);
    const power = this.#samples.reduce((sum, value) => sum + value * value, 0) / BANDS;
    const db = 10 * Math.log10(power + 1e-12);
    return Math.min(1, Math.max(0, (db - QUIET_DB) / (LOUD_DB - QUIET_DB)));
  }

  get #track() {
    return /** @type {MediaStream} */ (this.#stream).getAudioTracks()[0];
  }

  /** @param {MediaStream} stream */
  #measure(stream) {
    this.#context = new AudioContext();
    this.#analyser = this.#context.createAnalyser();
    this.#analyser.fftSize = BANDS;
    this.#context.createMediaStreamSource(stream).connect(this.#analyser);
  }
}
