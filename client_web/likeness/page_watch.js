/**
 * @typedef {object} PageListener
 * @property {() => void} onOnline the browser has a network again
 * @property {(visible: boolean) => void} onVisible whether anybody can see the page
 * @property {() => void} onLeave the page goes, for good or into the browser's page cache
 * @property {() => void} onReturn it was brought back from there
 */

/** What becomes of the page that the portrait is on. */
export class PageWatch {
  #listener;
  #on = new AbortController();

  /** @param {PageListener} listener */
  constructor(listener) {
    this.#listener = listener;
  }

  start() {
    this.stop();
    this.#on = new AbortController();
    const { signal } = this.#on;
    const { onOnline, onVisible, onLeave, onReturn } = this.#listener;
    globalThis.addEventListener("online", onOnline, { signal });
    globalThis.addEventListener("pagehide", onLeave, { signal });
    const shown = (/** @type {PageTransitionEvent} */ event) => event.persisted && onReturn();
    globalThis.addEventListener("pageshow", shown, { signal });
    const turned = () => onVisible(!document.hidden);
    document.addEventListener("visibilitychange", turned, { signal });
    turned();
  }

  stop() {
    this.#on.abort();
  }
}
