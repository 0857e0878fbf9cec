/**
 * A command that was sent or an event that came.
 * @typedef {object} Entry
 * @property {number} id counts up
 * @property {"sent" | "received"} direction
 * @property {number} atMs Date.now()
 * @property {number | null} mediaMs of the session's media time, where the message names one
 * @property {boolean} failed it tells of an error
 * @property {Record<string, any>} message long texts in it cut short
 */

const MOST = 500; // entries kept; the oldest give way
const LONGEST = 2_000; // characters of one text in a message

/** What went back and forth, bounded however long it goes on. */
export class EventLog {
  /** @type {Entry[]} */
  #entries = [];
  #count = 0;

  /**
   * @param {"sent" | "received"} direction
   * @param {Record<string, any>} message
   * @returns {Entry}
   */
  add(direction, message) {
    const entry = {
      id: ++this.#count,
      direction,
      atMs: Date.now(),
      mediaMs: direction === "received" ? (message.media_ms ?? message.start_ms ?? null) : null,
      failed: message.type === "error",
      message: shortened(message, LONGEST),
    };
    this.#entries.push(entry);
    if (this.#entries.length > MOST) this.#entries.shift();
    return entry;
  }

  clear() {
    this.#entries = [];
  }

  /**
   * @param {Filter} filter
   * @returns {Entry[]} oldest first
   */
  matching(filter) {
    return this.#entries.filter((entry) => matches(entry, filter));
  }

  static get most() {
    return MOST;
  }
}

/**
 * text: every word of it is in the message, letter case aside.
 * @typedef {{text: string, show: "all" | "sent" | "received" | "failed"}} Filter
 */

/**
 * @param {Entry} entry
 * @param {Filter} filter
 */
export function matches(entry, { text, show }) {
  if (show === "failed" ? !entry.failed : show !== "all" && entry.direction !== show) return false;
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  if (!words.length) return true;
  const whole = JSON.stringify(entry.message).toLowerCase();
  return words.every((word) => whole.includes(word));
}

/**
 * @param {any} value
 * @param {number} longest
 * @returns {any} the same with long texts cut short
 */
export function shortened(value, longest) {
  if (typeof value === "string") {
    if (value.length <= longest) return value;
    return `${value.slice(0, Math.min(longest, 80))}… (${value.length} characters)`;
  }
  if (Array.isArray(value)) return value.map((each) => shortened(each, longest));
  if (value === null || typeof value !== "object") return value;
  const parts = Object.entries(value).map(([name, part]) => [name, shortened(part, longest)]);
  return Object.fromEntries(parts);
}
