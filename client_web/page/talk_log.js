/** @import { AvatarEvent } from "../likeness/types.js" */

/**
 * @typedef {object} Line
 * @property {number} id stays the same as the line grows
 * @property {"visitor" | "portrait"} who
 * @property {string} text
 * @property {boolean} settled whether nothing of it will change any more
 */

const MOST_LINES = 200;

/** Who said what, from the server's events, as far as it was really heard. */
export class TalkLog {
  /** @type {Line[]} */
  #lines = [];
  #next = 1;
  /** @type {Map<string, {line: Line, clauses: AvatarEvent[]}>} */
  #speaking = new Map();
  /** @type {Line | null} */
  #hearing = null;

  get lines() {
    return this.#lines;
  }

  /**
   * @param {AvatarEvent} event
   * @returns {Line | null} the line that is new or has changed
   */
  receive(event) {
    if (event.type === "user.transcript.delta") return this.#hear(event.text ?? "", false);
    if (event.type === "user.transcript") return this.#hear(event.text ?? "", true);
    if (event.type === "avatar.caption") return this.#say(event);
    if (event.type === "avatar.speech_ended") return this.#end(event);
    if (event.type === "avatar.speech_interrupted") return this.#cut(event);
    return null;
  }

  /** The connection is new: what was open stays as it is. */
  settle() {
    for (const { line } of this.#speaking.values()) line.settled = true;
    this.#speaking.clear();
    this.#hearing = null;
  }

  /**
   * @param {string} text
   * @param {boolean} settled
   */
  #hear(text, settled) {
    const line = this.#hearing ?? this.#begin("visitor");
    line.text = text;
    line.settled = settled;
    this.#hearing = settled ? null : line;
    return line;
  }

  /** @param {AvatarEvent} event */
  #say(event) {
    const id = event.utterance_id ?? "";
    let said = this.#speaking.get(id);
    if (!said) {
      said = { line: this.#begin("portrait"), clauses: [] };
      this.#speaking.set(id, said);
    }
    said.clauses.push(event);
    said.line.text = said.clauses.map(({ text }) => text).join(" ");
    return said.line;
  }

  /** @param {AvatarEvent} event */
  #end({ utterance_id = "" }) {
    const said = this.#speaking.get(utterance_id);
    this.#speaking.delete(utterance_id);
    if (said) said.line.settled = true;
    return said?.line ?? null;
  }

  /**
   * Only the words that had begun to sound were said.
   * @param {AvatarEvent} event
   */
  #cut(event) {
    const said = this.#speaking.get(event.utterance_id ?? "");
    if (!said) return null;
    const heard = said.clauses.map((clause) => heardOf(clause, event.media_ms ?? 0));
    said.line.text = `${heard.filter(Boolean).join(" ")} …`;
    return this.#end(event);
  }

  /**
   * @param {"visitor" | "portrait"} who
   * @returns {Line}
   */
  #begin(who) {
    const line = { id: this.#next++, who, text: "", settled: false };
    this.#lines.push(line);
    if (this.#lines.length > MOST_LINES) this.#lines.shift();
    return line;
  }
}

/**
 * @param {AvatarEvent} clause
 * @param {number} untilMs media time
 */
function heardOf({ text = "", words = [], end_ms = 0 }, untilMs) {
  if (end_ms <= untilMs || !words.length) return text;
  let end = 0;
  for (const word of words) {
    if (word.start_ms >= untilMs) break;
    const at = text.indexOf(word.text, end);
    if (at >= 0) end = at + word.text.length;
  }
  return text.slice(0, end);
}
