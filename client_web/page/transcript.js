const PAGE_UNITS = 84; // what fits two lines; a wide (CJK) letter counts for two
const SENTENCE_ENDS = /[.!?。！？…।؟]/u;
const MARKS = /[^\s\p{L}\p{N}]/u; // punctuation that belongs to the word before it

/**
 * @typedef {object} CaptionPage what is shown at one time
 * @property {string} said
 * @property {string} toCome laid out already, so that nothing jumps, but not to be seen
 */

/** A clause that is being said, word by word, in pages of two lines. */
export class Transcript {
  #text;
  #said = 0;
  #starts;

  /** @param {string} text of the clause */
  constructor(text) {
    this.#text = text.trim();
    this.#starts = pageStarts(this.#text);
  }

  /** @param {string} word that begins to sound; a word the text has not says nothing */
  say(word) {
    const ahead = this.#text.toLowerCase().indexOf(word.trim().toLowerCase(), this.#said);
    if (ahead < 0 || !word.trim()) return;
    let end = ahead + word.trim().length;
    while (end < this.#text.length && MARKS.test(this.#text[end])) end += 1;
    this.#said = end;
  }

  /** All of it has been said. */
  finish() {
    this.#said = this.#text.length;
  }

  /** @returns {CaptionPage} */
  get page() {
    const reached = Math.max(1, this.#said);
    const begin = this.#starts.findLast((start) => start < reached) ?? 0;
    const end = this.#starts.find((start) => start > begin) ?? this.#text.length;
    return {
      said: this.#text.slice(begin, this.#said),
      toCome: this.#text.slice(this.#said, end),
    };
  }
}

/**
 * Pages end where sentences do, or else at a gap between words.
 * @param {string} text
 */
function pageStarts(text) {
  const starts = [0];
  let gap = 0;
  let width = 0;
  for (let at = 0; at < text.length; at += 1) {
    const begin = starts[starts.length - 1];
    width += isWide(text[at]) ? 2 : 1;
    if (/\s/u.test(text[at]) || isWide(text[at])) gap = at + 1;
    const ends = endsSentence(text, at);
    if (width <= PAGE_UNITS && !ends) continue;
    const next = afterMarks(text, width <= PAGE_UNITS ? at + 1 : gap > begin ? gap : at + 1);
    if (next >= text.length) break;
    starts.push(next);
    at = next - 1;
    width = 0;
  }
  return starts;
}

/**
 * A full stop within a number or a name ends nothing; a wide one always does.
 * @param {string} text
 * @param {number} at
 */
function endsSentence(text, at) {
  if (!SENTENCE_ENDS.test(text[at])) return false;
  return isWide(text[at]) || !/[\p{L}\p{N}]/u.test(text[at + 1] ?? " ");
}

/**
 * Past the quotation marks and spaces that belong to what went before.
 * @param {string} text
 * @param {number} at
 */
function afterMarks(text, at) {
  while (at < text.length && !/[\p{L}\p{N}]/u.test(text[at])) at += 1;
  return at;
}

/** @param {string} letter */
function isWide(letter) {
  return /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\u3000-\u303f\uff00-\uffef]/u.test(letter);
}
