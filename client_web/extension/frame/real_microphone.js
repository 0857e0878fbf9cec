/** The visitor's own microphone, for a portrait that says what they say. */
export class RealMicrophone {
  /** @type {MediaStream | null} */
  #stream = null;

  /**
   * @param {(sound: AudioData) => void} onSound what it hears, to measure by
   * @returns {Promise<MediaStreamTrack>}
   * @throws {DOMException} the site may not use it, or there is none
   */
  async open(onSound) {
    if (!this.#stream) {
      const wanted = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
      // This world's own function: the site's replaced one lies in another.
      this.#stream = await navigator.mediaDevices.getUserMedia({ audio: wanted });
      listen(this.#stream.getAudioTracks()[0], onSound);
    }
    return this.#stream.getAudioTracks()[0];
  }

  close() {
    for (const track of this.#stream?.getTracks() ?? []) track.stop();
    this.#stream = null;
  }
}

/**
 * @param {MediaStreamTrack} track
 * @param {(sound: AudioData) => void} onSound
 */
async function listen(track, onSound) {
  const processor = /** @type {MediaStreamTrackProcessor<AudioData>} */ (
    new MediaStreamTrackProcessor({ track })
  );
  const reader = processor.readable.getReader();
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    onSound(value);
    value.close();
  }
}
