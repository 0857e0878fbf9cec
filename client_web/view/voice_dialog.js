/** @import { VoiceInfo } from "../likeness/types.js" */
/** @import { Messages } from "../page/messages.js" */
/** @import { NamedVoice, VoiceCatalogue, VoiceGroup } from "../page/voice_catalogue.js" */

/** A searchable list of voices by language, worked by keyboard as a combobox is. */
export class VoiceDialog {
  #elements;
  #messages;
  #onChoose;
  /** @type {VoiceCatalogue | null} */
  #catalogue = null;
  /** @type {readonly string[]} */
  #suggested = [];
  #chosen = "";
  #active = -1;

  /**
   * @param {{dialog: HTMLDialogElement, search: HTMLInputElement, list: HTMLElement, none: HTMLElement}} elements
   * @param {Messages} messages
   * @param {(voice: VoiceInfo) => void} onChoose
   */
  constructor(elements, messages, onChoose) {
    this.#elements = elements;
    this.#messages = messages;
    this.#onChoose = onChoose;
    elements.search.addEventListener("input", () => this.#fill());
    elements.search.addEventListener("keydown", (event) => this.#key(event));
    elements.list.addEventListener("click", ({ target }) => this.#pick(/** @type {Element} */ (target)));
  }

  /**
   * @param {VoiceCatalogue | null} catalogue null when the voices could not be loaded
   * @param {readonly string[]} suggested languages to name first
   * @param {string} chosen a voice's id
   */
  open(catalogue, suggested, chosen) {
    this.#catalogue = catalogue;
    this.#suggested = suggested;
    this.#chosen = chosen;
    this.#elements.search.value = "";
    this.#fill();
    this.#elements.dialog.showModal();
    this.#elements.search.focus();
    this.#elements.list.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: "center" });
  }

  get #options() {
    return /** @type {HTMLElement[]} */ ([...this.#elements.list.querySelectorAll(".voice")]);
  }

  #fill() {
    const { search, list, none } = this.#elements;
    const groups = this.#catalogue?.search(search.value) ?? [];
    const suggested = search.value.trim() ? [] : (this.#catalogue?.suggest(this.#suggested) ?? []);
    const rest = groups.filter((group) => !suggested.some(({ tag }) => tag === group.tag));
    list.replaceChildren(...[...suggested, ...rest].map((group) => this.#group(group)));
    const missing = this.#catalogue ? "voiceNone" : "voicesMissing";
    none.textContent = groups.length ? "" : this.#messages.say(missing);
    this.#setActive(search.value.trim() && groups.length ? 0 : -1);
  }

  /** @param {VoiceGroup} group */
  #group({ tag, title, autonym, voices }) {
    const section = document.createElement("div");
    section.className = "language";
    section.setAttribute("role", "group");
    section.setAttribute("aria-label", title);
    const heading = document.createElement("h3");
    heading.setAttribute("role", "presentation");
    heading.append(title);
    if (autonym && !title.includes(autonym)) {
      const own = document.createElement("span");
      own.lang = tag;
      own.textContent = autonym;
      heading.append(" ", own);
    }
    section.append(heading, ...voices.map((each) => this.#option(each, title)));
    return section;
  }

  /**
   * @param {NamedVoice} named
   * @param {string} language
   */
  #option({ voice, name, sex }, language) {
    const option = document.createElement("div");
    option.className = "voice";
    option.id = `voice-${voice.id.replace(/[^\w-]/g, "_")}`;
    option.dataset.voice = voice.id;
    const spoken = sex ? `${name} (${this.#messages.say(sex)})` : name;
    option.setAttribute("role", "option");
    option.setAttribute("aria-label", `${language}, ${spoken}`);
    option.setAttribute("aria-selected", String(voice.id === this.#chosen));
    option.title = spoken;
    option.append(name, checkMark());
    return option;
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.isComposing) return;
    const last = this.#options.length - 1;
    const moves = new Map([
      ["ArrowDown", Math.min(last, this.#active + 1)],
      ["ArrowUp", Math.max(0, this.#active - 1)],
      ["PageDown", Math.min(last, this.#active + 8)],
      ["PageUp", Math.max(0, this.#active - 8)],
    ]);
    const to = moves.get(event.key);
    if (to !== undefined) {
      event.preventDefault();
      this.#setActive(to);
    } else if (event.key === "Enter") {
      event.preventDefault();
      this.#pick(this.#options[this.#active] ?? null);
    }
  }

  /** @param {number} index -1 for none */
  #setActive(index) {
    this.#active = index;
    this.#options.forEach((option, place) => option.classList.toggle("active", place === index));
    const option = this.#options[index];
    this.#elements.search.setAttribute("aria-activedescendant", option?.id ?? "");
    option?.scrollIntoView({ block: "nearest" });
  }

  /** @param {Element | null} target */
  #pick(target) {
    const option = /** @type {HTMLElement | null} */ (target?.closest(".voice") ?? null);
    const voice = this.#catalogue?.find(option?.dataset.voice ?? null);
    if (!voice) return;
    this.#elements.dialog.close();
    this.#onChoose(voice);
  }
}

function checkMark() {
  const mark = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  mark.classList.add("icon");
  mark.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", "#icon-check");
  mark.append(use);
  return mark;
}
