/** @import { VoiceInfo } from "../likeness/types.js" */

/**
 * @typedef {object} VoiceGroup one language
 * @property {string} language primary subtag, as in "pt"
 * @property {string} title in the page's language
 * @property {string} autonym in its own
 * @property {{voice: VoiceInfo, title: string}[]} voices
 */

// Tags of single languages that people know, and browsers ask for, by another name.
const ALIASES = new Map([
  ["cmn", "zh"],
  ["nb", "no"],
  ["nn", "no"],
]);

/** Voices by language, with names that people know. */
export class VoiceCatalogue {
  #voices;
  #pageLanguage;
  #names;
  /** @type {VoiceGroup[]} */
  #groups;

  /**
   * @param {VoiceInfo[]} voices
   * @param {string} pageLanguage BCP 47 tag
   */
  constructor(voices, pageLanguage) {
    this.#voices = voices;
    this.#pageLanguage = pageLanguage;
    this.#names = displayNames(pageLanguage);
    this.#groups = this.#group();
  }

  /**
   * @param {string} query matches any part of a language's or a voice's name
   * @returns {VoiceGroup[]} by title; without the voices that do not match
   */
  search(query) {
    const wanted = fold(query.trim());
    if (!wanted) return this.#groups;
    return this.#groups
      .map((group) => ({ ...group, voices: this.#matching(group, wanted) }))
      .filter((group) => group.voices.length);
  }

  /**
   * The first voice for the first of these languages that has one.
   * @param {readonly string[]} languages BCP 47 tags, best first
   * @returns {VoiceInfo | null}
   */
  bestFor(languages) {
    for (const tag of languages) {
      const same = this.#voices.find((voice) => canonical(voice.language) === canonical(tag));
      const near = this.#voices.find((voice) => primary(voice.language) === primary(tag));
      if (same ?? near) return same ?? near ?? null;
    }
    return null;
  }

  /**
   * @param {VoiceInfo | null} voice
   * @param {string} tag BCP 47
   */
  speaks(voice, tag) {
    return voice !== null && primary(voice.language) === primary(tag);
  }

  /** @param {string | null} id */
  find(id) {
    return this.#voices.find((voice) => voice.id === id) ?? null;
  }

  /**
   * The groups of these languages, in their order.
   * @param {readonly string[]} languages
   */
  suggest(languages) {
    const wanted = [...new Set(languages.map(primary))];
    return wanted.flatMap((tag) => this.#groups.filter((group) => group.language === tag));
  }

  /**
   * What to call a voice where its group is not seen.
   * @param {VoiceInfo} voice
   */
  title(voice) {
    return nameOf(this.#names, voice.language) ?? voice.name;
  }

  #group() {
    /** @type {Map<string, VoiceInfo[]>} */
    const byLanguage = new Map();
    for (const voice of this.#voices) {
      const language = primary(voice.language);
      byLanguage.set(language, [...(byLanguage.get(language) ?? []), voice]);
    }
    const collator = new Intl.Collator(this.#pageLanguage);
    return [...byLanguage]
      .map(([language, voices]) => this.#describe(language, voices))
      .sort((a, b) => collator.compare(a.title, b.title));
  }

  /**
   * @param {string} language
   * @param {VoiceInfo[]} voices
   * @returns {VoiceGroup}
   */
  #describe(language, voices) {
    const title = nameOf(this.#names, language) ?? voices[0].name;
    const autonym = nameOf(displayNames(language), language) ?? "";
    const named = voices.map((voice) => ({ voice, title: this.title(voice) }));
    return { language, title, autonym, voices: distinct(named) };
  }

  /**
   * @param {VoiceGroup} group
   * @param {string} wanted
   */
  #matching({ language, title, autonym, voices }, wanted) {
    if (fold(`${title}\n${autonym}\n${language}`).includes(wanted)) return voices;
    return voices.filter((each) => {
      const { id, name, language: tag } = each.voice;
      return fold(`${each.title}\n${name}\n${id}\n${tag}`).includes(wanted);
    });
  }
}

/**
 * Voices of one title are told apart by their own names.
 * @param {{voice: VoiceInfo, title: string}[]} voices
 */
function distinct(voices) {
  return voices.map(({ voice, title }) => {
    const shared = voices.filter((other) => other.title === title).length > 1;
    return { voice, title: shared ? `${title} · ${voice.name}` : title };
  });
}

/** @param {string} text */
function fold(text) {
  return text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
}

/** @param {string} tag */
function canonical(tag) {
  try {
    const plain = Intl.getCanonicalLocales(tag)[0].split("-");
    return [ALIASES.get(plain[0]) ?? plain[0], ...plain.slice(1)].join("-");
  } catch {
    return tag; // not a language tag by the book, such as a private one
  }
}

/** @param {string} tag */
function primary(tag) {
  return canonical(tag).split(/[-_]/)[0];
}

/** @param {string} language */
function displayNames(language) {
  try {
    return new Intl.DisplayNames([language], { type: "language", fallback: "none" });
  } catch {
    return null;
  }
}

/**
 * @param {Intl.DisplayNames | null} names
 * @param {string} tag
 */
function nameOf(names, tag) {
  try {
    const name = names?.of(canonical(tag));
    return name ? name[0].toLocaleUpperCase() + name.slice(1) : undefined;
  } catch {
    return undefined;
  }
}
