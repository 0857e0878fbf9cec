/**
 * Keeps the screen on for as long as the page is to be seen. The browser takes the lock
 * away whenever the page is hidden, so it is asked for again each time.
 */
export class WakeLock {
  /** @type {WakeLockSentinel | null} */
  #lock = null;
  #asking = false;

  get held() {
    return this.#lock !== null;
  }

  /** Ask for it, if it is not held. Never throws: a kiosk also works without. */
  async hold() {
    if (this.#lock || this.#asking || !("wakeLock" in navigator)) return;
    this.#asking = true;
    try {
      const lock = await navigator.wakeLock.request("screen");
      lock.addEventListener("release", () => (this.#lock = null), { once: true });
      this.#lock = lock;
    } catch {
      // the page is hidden, or the machine saves its battery: asked for again later
    } finally {
      this.#asking = false;
    }
  }
}
