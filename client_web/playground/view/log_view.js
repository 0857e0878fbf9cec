import { EventLog, matches, shortened } from "../event_log.js";

/** @import { Entry, Filter } from "../event_log.js" */
/** @import { Messages } from "../../page/messages.js" */

const BRIEF = 90; // characters of a message beside its type
const NEAR_END_PX = 40; // who reads further up is not pulled away

/**
 * @typedef {object} LogElements
 * @property {HTMLElement} list
 * @property {HTMLElement} well what scrolls
 * @property {HTMLElement} empty
 * @property {HTMLInputElement} filter
 * @property {HTMLElement} shows radio buttons
 * @property {HTMLButtonElement} pause
 * @property {HTMLButtonElement} copy
 * @property {HTMLButtonElement} clear
 * @property {HTMLElement} news says what was copied, how much waits
 */

/** Commands and events as they go and come, newest last. */
export class LogView {
  #elements;
  #messages;
  #log = new EventLog();
  /** @type {Filter} */
  #filter = { text: "", show: "all" };
  #paused = false;
  #waiting = 0;

  /**
   * @param {LogElements} elements
   * @param {Messages} messages
   * @param {(text: string) => Promise<void>} copy
   */
  constructor(elements, messages, copy) {
    this.#elements = elements;
    this.#messages = messages;
    elements.filter.addEventListener("input", () => {
      this.#filter = { ...this.#filter, text: elements.filter.value };
      this.#draw();
    });
    elements.shows.addEventListener("change", ({ target }) => {
      if (!(target instanceof HTMLInputElement)) return;
      this.#filter = { ...this.#filter, show: /** @type {Filter["show"]} */ (target.value) };
      this.#draw();
    });
    elements.pause.addEventListener("click", () => this.#setPaused(!this.#paused));
    elements.clear.addEventListener("click", () => {
      this.#log.clear();
      this.#draw();
    });
    elements.copy.addEventListener("click", async () => {
      const entries = this.#log.matching(this.#filter);
      try {
        await copy(entries.map((entry) => JSON.stringify(entry)).join("\n"));
        this.#tell(messages.say("copied", { count: entries.length }));
      } catch {
        this.#tell(messages.say("notCopied"));
      }
    });
  }

  /**
   * @param {"sent" | "received"} direction
   * @param {Record<string, any>} message
   */
  add(direction, message) {
    const entry = this.#log.add(direction, message);
    if (this.#paused) {
      this.#waiting += 1;
      this.#tell(this.#messages.say("waiting", { count: this.#waiting }));
      return;
    }
    if (!matches(entry, this.#filter)) return;
    const { list, well, empty } = this.#elements;
    const followed = well.scrollHeight - well.scrollTop - well.clientHeight < NEAR_END_PX;
    list.append(this.#row(entry));
    while (list.childElementCount > EventLog.most) list.firstElementChild?.remove();
    empty.hidden = true;
    if (followed) well.scrollTop = well.scrollHeight;
  }

  /** @param {boolean} paused */
  #setPaused(paused) {
    this.#paused = paused;
    this.#waiting = 0;
    this.#elements.pause.setAttribute("aria-pressed", String(paused));
    this.#tell("");
    if (!paused) this.#draw();
  }

  #draw() {
    const { list, well, empty } = this.#elements;
    const entries = this.#log.matching(this.#filter);
    list.replaceChildren(...entries.map((entry) => this.#row(entry)));
    empty.hidden = entries.length > 0;
    well.scrollTop = well.scrollHeight;
  }

  /** @param {string} text */
  #tell(text) {
    this.#elements.news.textContent = text;
  }

  /** @param {Entry} entry */
  #row({ direction, atMs, mediaMs, failed, message }) {
    const { type, event_id, ...rest } = message;
    const row = document.createElement("li");
    row.className = "row";
    row.dataset.direction = direction;
    if (failed) row.dataset.failed = "";
    const fold = document.createElement("details");
    const summary = document.createElement("summary");
    const arrow = part("arrow", direction === "sent" ? "↑" : "↓");
    arrow.append(part("unseen", this.#messages.say(direction)));
    summary.append(
      part("time", clock(atMs)),
      part("media", mediaMs === null ? "" : seconds(mediaMs)),
      arrow,
      part("type", String(type)),
      part("brief", brief(rest)),
    );
    const whole = document.createElement("pre");
    whole.textContent = JSON.stringify({ type, event_id, ...rest }, null, 2);
    fold.append(summary, whole);
    row.append(fold);
    return row;
  }
}

/**
 * @param {string} name
 * @param {string} text
 */
function part(name, text) {
  const node = document.createElement("span");
  node.className = name;
  node.textContent = text;
  return node;
}

/** @param {Record<string, any>} rest what says most comes first, without its name */
function brief({ media_ms, words, text, state, code, message, utterance_id, ...rest }) {
  const first = [text, state, code, message].filter((value) => value != null && value !== "");
  const others = Object.entries({ ...rest, utterance_id })
    .filter(([, value]) => value != null)
    .map(([name, value]) => `${name} ${plain(value)}`);
  return [...first.map(plain), ...others].join(" · ");
}

/** @param {unknown} value */
function plain(value) {
  const short = shortened(value, BRIEF);
  return typeof short === "string" ? short : JSON.stringify(short);
}

/** @param {number} ms Date.now() */
function clock(ms) {
  const at = new Date(ms);
  const two = (/** @type {number} */ value) => String(value).padStart(2, "0");
  const thousandths = String(at.getMilliseconds()).padStart(3, "0");
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${thousandths}`;
}

/** @param {number} ms of media time */
function seconds(ms) {
  return `${(ms / 1000).toFixed(2)} s`;
}
