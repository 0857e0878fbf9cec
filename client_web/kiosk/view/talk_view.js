import { Words } from "../words.js";

/** @import { AvatarEvent, Phase } from "../../likeness/types.js" */
/** @import { Tongue } from "../types.js" */

const PRESSED_MS = 4_000;

/** What a visitor sees beside the portrait: whose turn it is, what was heard, choices. */
export class TalkView {
  #elements;
  #listener;
  #words = new Words("en");
  /** @type {Phase} */
  #phase = "connecting";
  #state = "idle";
  #hearing = false; // the visitor is speaking
  #basic = false;

  /**
   * @param {{body: HTMLElement, turn: HTMLElement, heard: HTMLElement, ear: HTMLElement,
   *     choices: HTMLElement, tongues: HTMLElement}} elements
   * @param {readonly Tongue[]} tongues
   * @param {{onChoice: (question: string) => void, onTongue: (tongue: Tongue) => void}} listener
   */
  constructor(elements, tongues, listener) {
    this.#elements = elements;
    this.#listener = listener;
    elements.tongues.replaceChildren(...tongues.map((each) => this.#tongueButton(each)));
  }

  /**
   * A visit begins, or goes on in another language.
   * @param {Tongue} tongue
   */
  setTongue(tongue) {
    this.#words = new Words(tongue.tag);
    const { choices, tongues } = this.#elements;
    choices.replaceChildren(...tongue.questions.map((each) => this.#choice(each)));
    choices.lang = tongue.tag;
    for (const button of tongues.children) {
      button.setAttribute("aria-pressed", String(button.getAttribute("data-tag") === tongue.tag));
    }
    this.#show();
  }

  /** Nothing of the visitor stays on the screen, or in the page. */
  forget() {
    this.#elements.heard.textContent = "";
    this.#elements.choices.replaceChildren();
    this.#elements.turn.textContent = "";
    this.#phase = "connecting";
    this.#state = "idle";
    this.#hearing = this.#basic = false;
    this.#elements.body.dataset.ear = "none";
    this.setLevel(0);
  }

  /** @param {Phase} phase */
  setPhase(phase) {
    this.#phase = phase;
    this.#show();
  }

  /** @param {AvatarEvent} event */
  receive(event) {
    if (event.type === "session.state") this.#state = event.state ?? "idle";
    if (event.type === "user.speech_started") this.#hearing = true;
    if (event.type === "user.speech_ended") this.#hearing = false;
    if (event.type === "user.transcript.delta" || event.type === "user.transcript") {
      this.#elements.heard.textContent = `${this.#words.say("you")} ${event.text ?? ""}`;
    }
    if (event.type === "session.hearing") {
      this.#basic = event.basic === true;
      this.#elements.body.dataset.ear = event.available && event.listening ? "open" : "none";
    }
    this.#show();
  }

  /** @param {number} level of the microphone, 0 to 1 */
  setLevel(level) {
    this.#elements.ear.style.setProperty("--level", level.toFixed(2));
  }

  #show() {
    this.#elements.body.dataset.turn = this.#hearing ? "hearing" : this.#state;
    this.#elements.turn.textContent = this.#words.say(this.#turn());
  }

  #turn() {
    if (this.#phase === "connecting") return "opening";
    if (this.#phase === "full") return "full";
    if (this.#phase !== "live") return "lost";
    if (this.#hearing) return "hearing";
    if (this.#state === "thinking") return "thinking";
    const listens = this.#elements.body.dataset.ear === "open";
    if (this.#state === "speaking") return listens ? "speaking" : "touchOnly";
    if (!listens) return "touchOnly";
    return this.#basic ? "micBasic" : "listening";
  }

  /** @param {string} question */
  #choice(question) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "choice";
    button.textContent = question;
    button.addEventListener("click", () => {
      button.setAttribute("aria-pressed", "true");
      setTimeout(() => button.removeAttribute("aria-pressed"), PRESSED_MS);
      this.#listener.onChoice(question);
    });
    return button;
  }

  /** @param {Tongue} tongue */
  #tongueButton(tongue) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "button";
    button.lang = button.dataset.tag = tongue.tag;
    button.textContent = new Intl.DisplayNames([tongue.tag], { type: "language" }).of(tongue.tag) ?? tongue.tag;
    button.addEventListener("click", () => this.#listener.onTongue(tongue));
    return button;
  }
}
