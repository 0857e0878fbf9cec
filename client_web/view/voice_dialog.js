/** @import { VoiceInfo } from "../likeness/types.js" */
/** @import { Messages } from "../page/messages.js" */
/** @import { VoiceCatalogue, VoiceGroup } from "../page/voice_catalogue.js" */

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
    this.#elements.list.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: "nearest" });
  }

  get #options() {
    return /** @type {HTMLElement[]} */ ([...this.#elements.list.querySelectorAll(".voice")]);
  }

  #fill() {
    const { search, list, none } = this.#elements;
    const groups = this.#catalogue?.search(search.value) ?? [];
    const suggested = search.value.trim() ? [] : (this.#catalogue?.suggest(this.#suggested) ?? []);
    list.replaceChildren();
    for (const group of suggested) list.append(this.#group(group));
    const rest = groups.filter((group) => !suggested.some((other) => other.language === group.language));
    for (const group of rest) list.append(this.#group(group));
    const missing = this.#catalogue ? "voiceNone" : "voicesMissing";
    none.textContent = groups.length ? "" : this.#messages.say(missing);
    this.#setActive(search.value.trim() && groups.length ? 0 : -1);
  }

  /** @param {VoiceGroup} group */
  #group({ language, title, autonym, voices }) {
    const section = document.createElement("div");
    section.setAttribute("role", "group");
    section.setAttribute("aria-label", title);
    if (voices.length > 1) {
      section.className = "many";
      const heading = document.createElement("h3");
      heading.textContent = autonym && autonym !== title ? `${title} · ${autonym}` : title;
      heading.setAttribute("role", "presentation");
      section.append(heading);
    }
    for (const each of voices) {
      section.append(this.#option(each, voices.length > 1 ? "" : autonym, language));
    }
    return section;
  }

  /**
   * @param {{voice: VoiceInfo, title: string}} named
   * @param {string} autonym
   * @param {string} language
   */
  #option({ voice, title }, autonym, language) {
    const option = document.createElement("div");
    option.className = "voice";
    option.id = `voice-${voice.id.replace(/[^\w-]/g, "_")}`;
    option.dataset.voice = voice.id;
    option.setAttribute("role", "option");
    option.setAttribute("aria-selected", String(voice.id === this.#chosen));
    option.append(title);
    if (autonym && autonym !== title) {
      const own = document.createElement("span");
      own.className = "autonym";
      own.lang = language;
      own.textContent = autonym;
      option.append(own);
    }
    option.append(checkMark());
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
