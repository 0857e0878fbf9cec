/** @import { Command } from "./types.js" */

const MOST = 16; // commands that wait; what is said after that is refused

/**
 * Commands on their way to the server: sent at once where that is possible, kept in
 * order and sent later where it is not.
 */
export class Outbox {
  /** @type {Command[]} */
  #waiting = [];
  #send;

  /** @param {(message: Command) => boolean} send whether it could be sent */
  constructor(send) {
    this.#send = send;
  }

  /**
   * @param {Command} message
   * @returns {boolean} false: too many wait already, and this one is forgotten
   */
  put(message) {
    this.flush();
    if (!this.#waiting.length && this.#send(message)) return true;
    if (this.#waiting.length >= MOST) return false;
    this.#waiting.push(message);
    return true;
  }

  /** A connection stands, or has room again. */
  flush() {
    while (this.#waiting.length && this.#send(this.#waiting[0])) this.#waiting.shift();
  }

  clear() {
    this.#waiting = [];
  }
}
