import { Transcript } from "../page/transcript.js";

/** @import { Caption } from "../likeness/types.js" */

const LINGER_MS = 1_800; // the last words stay this long
const LEAVE_MS = 500; // as the transition in talk/stage.css
const MOST_PENDING = 2_000; // words waiting for their moment; later ones are not shown
const MOST_LINES = 20; // kept for assistive technology

/** Shows each word when it sounds, and tells each clause to assistive technology. */
export class CaptionView {
  #elements;
  /** @type {Set<ReturnType<typeof setTimeout>>} */
  #pending = new Set();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #leaving;

  /**
   * @param {{caption: HTMLElement, said: HTMLElement, toCome: HTMLElement, log: HTMLElement}} elements
   */
  constructor(elements) {
    this.#elements = elements;
  }

  /** @param {Caption} caption */
  schedule({ text, words, endMs }) {
    if (this.#pending.size + words.length > MOST_PENDING) return;
    const transcript = new Transcript(text);
    words.forEach((word, place) => {
      this.#at(word.atMs, () => {
        if (place === 0) this.#log(text);
        transcript.say(word.text);
        this.#show(transcript);
      });
    });
    this.#at(endMs, () => {
      transcript.finish();
      this.#show(transcript);
      this.#leave(LINGER_MS);
    });
  }

  /** The voice was cut off: no further word comes. */
  cut() {
    for (const timer of this.#pending) clearTimeout(timer);
    this.#pending.clear();
    this.#leave(LINGER_MS / 2);
  }

  /**
   * @param {number} timeMs of performance.now()
   * @param {() => void} action
   */
  #at(timeMs, action) {
    const timer = setTimeout(
      () => {
        this.#pending.delete(timer);
        action();
      },
      Math.max(0, timeMs - performance.now()),
    );
    this.#pending.add(timer);
  }

  /** @param {Transcript} transcript */
  #show(transcript) {
    const { caption, said, toCome } = this.#elements;
    const page = transcript.page;
    clearTimeout(this.#leaving);
    said.textContent = page.said;
    toCome.textContent = page.toCome;
    caption.classList.remove("leaving");
    caption.hidden = page.said === "";
  }

  /** @param {string} text */
  #log(text) {
    const line = document.createElement("p");
    line.textContent = text;
    this.#elements.log.append(line);
    while (this.#elements.log.childElementCount > MOST_LINES) {
      this.#elements.log.firstElementChild?.remove();
    }
  }

  /** @param {number} afterMs */
  #leave(afterMs) {
    const { caption } = this.#elements;
    clearTimeout(this.#leaving);
    this.#leaving = setTimeout(() => {
      caption.classList.add("leaving");
      this.#leaving = setTimeout(() => (caption.hidden = true), LEAVE_MS);
    }, afterMs);
  }
}
