/** @import { Messages } from "../../page/messages.js" */

/** The silent film of the portrait: it goes round while it is looked at, and can be stopped. */
export class FilmView {
  #film;
  #button;
  #messages;
  #wanted;
  #seen = false;

  /**
   * @param {{ film: HTMLVideoElement, button: HTMLButtonElement }} elements
   * @param {Messages} messages
   * @param {boolean} calm the visitor wants nothing that moves by itself
   */
  constructor({ film, button }, messages, calm) {
    this.#film = film;
    this.#button = button;
    this.#messages = messages;
    this.#wanted = !calm;
    button.addEventListener("click", () => {
      this.#wanted = film.paused;
      this.#update();
    });
    new IntersectionObserver(([{ isIntersecting }]) => {
      this.#seen = isIntersecting;
      this.#update();
    }).observe(film);
    this.setMessages(messages);
  }

  /** @param {Messages} messages */
  setMessages(messages) {
    this.#messages = messages;
    this.#button.hidden = false;
    this.#name();
  }

  #update() {
    if (this.#wanted && this.#seen) this.#film.play().catch(() => (this.#wanted = false));
    else this.#film.pause();
    this.#name();
  }

  #name() {
    this.#button.dataset.plays = String(this.#wanted);
    this.#button.setAttribute("aria-label", this.#messages.say(this.#wanted ? "pause" : "play"));
  }
}
