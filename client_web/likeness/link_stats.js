/**
 * What the browser has counted of one connection since it began.
 * @typedef {object} LinkStats
 * @property {number} received packets of sound and picture
 * @property {number} lost packets that never came
 * @property {number} bytes received, of both
 * @property {number} jitterS of the packets' arrival, the worse of both
 * @property {number} framesDecoded
 * @property {number} framesDropped
 * @property {number} freezes
 * @property {number} frozenS
 * @property {number} samples of sound played
 * @property {number} concealed samples of those that had to be invented
 * @property {number} waitedS that samples spent in the jitter buffer
 * @property {number} emitted samples that left it
 * @property {number | null} pictureLeadMs by which a picture leaves its jitter buffer
 *     before the sound that it belongs to; null while that is not known
 * @property {number} width of the picture, pixels
 * @property {number} height
 * @property {number | null} roundTripS
 * @property {string | null} candidateType
 * @property {boolean} relayed
 * @property {string | null} protocol
 */

/**
 * @param {ReadonlyMap<string, any>} report of RTCPeerConnection.getStats
 *   (https://www.w3.org/TR/webrtc-stats/); what a browser does not count is 0 or null
 * @returns {LinkStats}
 */
export function readStats(report) {
  const all = [...report.values()];
  const received = all.filter(({ type }) => type === "inbound-rtp");
  const sound = received.find(({ kind }) => kind === "audio") ?? {};
  const picture = received.find(({ kind }) => kind === "video") ?? {};
  return {
    received: sum(received, "packetsReceived"),
    lost: Math.max(0, sum(received, "packetsLost")), // duplicates make it negative
    bytes: sum(received, "bytesReceived"),
    jitterS: Math.max(0, ...received.map(({ jitter = 0 }) => jitter)),
    framesDecoded: picture.framesDecoded ?? 0,
    framesDropped: picture.framesDropped ?? 0,
    freezes: picture.freezeCount ?? 0,
    frozenS: picture.totalFreezesDuration ?? 0,
    samples: sound.totalSamplesReceived ?? 0,
    // What is invented while the sender is silent is nobody's loss.
    concealed: (sound.concealedSamples ?? 0) - (sound.silentConcealedSamples ?? 0),
    waitedS: sound.jitterBufferDelay ?? 0,
    emitted: sound.jitterBufferEmittedCount ?? 0,
    pictureLeadMs: lead(picture.estimatedPlayoutTimestamp, sound.estimatedPlayoutTimestamp),
    width: picture.frameWidth ?? 0,
    height: picture.frameHeight ?? 0,
    ...pathOf(report, all),
  };
}

/**
 * @param {number} [picture] the sender's clock at what is shown now
 * @param {number} [sound] the sender's clock at what is heard now
 */
function lead(picture, sound) {
  return picture && sound ? picture - sound : null;
}

/**
 * @param {ReadonlyMap<string, any>} report
 * @param {any[]} all
 */
function pathOf(report, all) {
  const chosen = all.find(({ type }) => type === "transport")?.selectedCandidatePairId;
  const pair =
    report.get(chosen) ??
    all.find((each) => each.type === "candidate-pair" && (each.selected ?? each.nominated));
  const local = report.get(pair?.localCandidateId);
  const remote = report.get(pair?.remoteCandidateId);
  return {
    roundTripS: pair?.currentRoundTripTime ?? null,
    candidateType: local?.candidateType ?? null,
    relayed: [local, remote].some((each) => each?.candidateType === "relay"),
    protocol: local?.protocol ?? null,
  };
}

/**
 * @param {any[]} reports
 * @param {string} field
 * @returns {number}
 */
function sum(reports, field) {
  return reports.reduce((total, each) => total + (each[field] ?? 0), 0);
}
