/** @import { HandOver } from "../types.js" */
/** @import { Words } from "../words.js" */

/** Where to go on with a person: a code for the visitor's phone, a number to call. */
export class HandOverView {
  #elements;
  #handOver;

  /**
   * @param {{dialog: HTMLDialogElement, opener: HTMLElement, code: HTMLImageElement,
   *     scan: HTMLElement, number: HTMLElement, closer: HTMLElement}} elements
   * @param {HandOver} handOver
   */
  constructor(elements, handOver) {
    this.#elements = elements;
    this.#handOver = handOver;
    const { url, number } = handOver;
    elements.opener.hidden = !url && !number;
    elements.opener.addEventListener("click", () => elements.dialog.showModal());
    elements.closer.addEventListener("click", () => elements.dialog.close());
    elements.code.onload = () => {
      elements.code.hidden = elements.scan.hidden = false;
    };
    if (url) elements.code.src = `/v1/qr.svg?text=${encodeURIComponent(url)}`;
  }

  /** @param {Words} words */
  translate(words) {
    const { url, number } = this.#handOver;
    this.#elements.code.alt = words.say("code", { address: url });
    this.#elements.number.hidden = !number;
    const call = words.say(url ? "handOverCall" : "handOverCallOnly");
    this.#elements.number.textContent = `${call} ${number}`;
  }

  close() {
    this.#elements.dialog.close();
  }
}
