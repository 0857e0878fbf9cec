const RATE_HZ = 24_000; // as much as a voice needs
const LONGEST_S = 600;
const LARGEST_BYTES = 200_000_000;

/** A file that cannot be spoken with; `key` is that of the message that says why. */
export class RecordingError extends Error {
  /** @param {string} key */
  constructor(key) {
    super(key);
    this.key = key;
  }
}

/**
 * Any sound file that the browser can read -> one channel of PCM16.
 * @param {File} file
 * @returns {Promise<{samples: Int16Array, rateHz: number}>}
 * @throws {RecordingError} it is too large, too long, silent or no sound
 */
export async function readRecording(file) {
  if (file.size > LARGEST_BYTES) throw new RecordingError("recordingTooLong");
  const context = new OfflineAudioContext(1, 1, RATE_HZ);
  let decoded;
  try {
    decoded = await context.decodeAudioData(await file.arrayBuffer());
  } catch {
    throw new RecordingError("recordingUnreadable");
  }
  if (decoded.duration > LONGEST_S) throw new RecordingError("recordingTooLong");
  const channels = Array.from({ length: decoded.numberOfChannels }, (_, index) =>
    decoded.getChannelData(index),
  );
  const samples = new Int16Array(decoded.length);
  for (let i = 0; i < samples.length; i += 1) {
    let sum = 0;
    for (const channel of channels) sum += channel[i];
    const value = sum / channels.length;
    samples[i] = 32_767 * Math.max(-1, Math.min(1, value));
  }
  if (samples.every((each) => each === 0)) throw new RecordingError("recordingSilent");
  return { samples, rateHz: RATE_HZ };
}
