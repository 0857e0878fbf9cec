import { gradeOf } from "./grades.js";

/** @import { LinkStats } from "./link_stats.js" */
/** @import { ConnectionQuality } from "./types.js" */

const WINDOW_MS = 4_000; // long enough that one lost packet does not colour the grade

/** Makes what the browser has counted so far into how good the last seconds were. */
export class QualityMeter {
  /** @type {{atMs: number, stats: LinkStats}[]} */
  #seen = [];

  /**
   * @param {LinkStats} stats
   * @param {number} nowMs
   * @returns {ConnectionQuality | null} null: the first look of all
   */
  observe(stats, nowMs) {
    this.#seen.push({ atMs: nowMs, stats });
    while (this.#seen.length > 2 && this.#seen[1].atMs <= nowMs - WINDOW_MS) this.#seen.shift();
    const [first] = this.#seen;
    const seconds = (nowMs - first.atMs) / 1000;
    if (seconds <= 0) return null;
    const measured = measure(first.stats, stats, seconds);
    return { grade: gradeOf(measured), ...measured };
  }

  /** Begin anew: browsers decode no pictures for a page that nobody sees. */
  reset() {
    this.#seen = [];
  }
}

/**
 * @param {LinkStats} before
 * @param {LinkStats} now
 * @param {number} seconds between the two
 * @returns {Omit<ConnectionQuality, "grade">}
 */
function measure(before, now, seconds) {
  const since = (/** @type {"lost" | "received" | "bytes" | "framesDecoded" |
    "framesDropped" | "freezes" | "frozenS" | "samples" | "concealed"} */ name) =>
    Math.max(0, now[name] - before[name]);
  return {
    roundTripMs: now.roundTripS === null ? null : 1000 * now.roundTripS,
    loss: part(since("lost"), since("lost") + since("received")),
    jitterMs: 1000 * now.jitterS,
    concealed: part(since("concealed"), since("samples")),
    fps: since("framesDecoded") / seconds,
    framesDropped: since("framesDropped"),
    freezes: since("freezes"),
    frozenMs: 1000 * since("frozenS"),
    bitrateKbps: (8 * since("bytes")) / 1000 / seconds,
    candidateType: now.candidateType,
    relayed: now.relayed,
    protocol: now.protocol,
    width: now.width,
    height: now.height,
  };
}

/**
 * @param {number} some
 * @param {number} all
 */
function part(some, all) {
  return all > 0 ? Math.min(1, some / all) : 0;
}
