const BANDS = 512; // samples of one look at the level
const QUIET_DB = -58; // of a quiet room; the meter begins here
const LOUD_DB = -12;
const HEADPHONES = /head ?(phone|set)|ear ?(phone|bud|pod)|airpods|kopfhörer|casque|auricular|耳机|耳機/i;

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
   * Ask for the microphone. Where the default output is headphones there is no echo, and
   * none is cancelled: what a canceller takes away until it has found that out, some
   * seconds of sound later, is the voice of a visitor who cuts in.
   * @returns {Promise<MediaStreamTrack>}
   * @throws {DOMException} by its name: NotAllowedError, NotFoundError, NotReadableError
   * @throws {TypeError} where the page is not served securely
   */
  async open() {
    if (!this.#stream) {
      let stream = await ask(true);
      if (await hasHeadphones()) {
        for (const track of stream.getTracks()) track.stop();
        stream = await ask(false);
      }
      this.#stream = stream;
      this.#track.onended = () => {
        this.close();
        this.#onLost();
      };
      this.#measure(stream);
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

/** @param {boolean} echoCancellation */
function ask(echoCancellation) {
  const audio = { echoCancellation, noiseSuppression: true, autoGainControl: true };
  return navigator.mediaDevices.getUserMedia({ audio });
}

/** By the name of the default output, which a page is told once it may use a microphone. */
async function hasHeadphones() {
  const devices = await navigator.mediaDevices.enumerateDevices().catch(() => []);
  const outputs = devices.filter(({ kind }) => kind === "audiooutput");
  const usual = outputs.find(({ deviceId }) => deviceId === "default");
  return usual !== undefined && HEADPHONES.test(usual.label);
}
