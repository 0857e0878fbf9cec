/** @import { VoiceInfo } from "../likeness/types.js" */

/**
 * @typedef {object} NamedVoice
 * @property {VoiceInfo} voice
 * @property {string} name its own, without its language's
 * @property {"female" | "male" | ""} sex as the server names it
 */

/**
 * @typedef {object} VoiceGroup one language, as it is spoken in one place
 * @property {string} tag BCP 47
 * @property {string} title in the page's language
 * @property {string} autonym in its own
 * @property {NamedVoice[]} voices
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
  #names;
  /** @type {VoiceGroup[]} */
  #groups;

  /**
   * @param {VoiceInfo[]} voices whose names read "Language (Place), Name (female)"
   * @param {string} pageLanguage BCP 47 tag
   */
  constructor(voices, pageLanguage) {
    this.#voices = voices;
    this.#names = displayNames(pageLanguage);
    this.#groups = this.#group(new Intl.Collator(pageLanguage));
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
      const plain = this.#voices.find((voice) => canonical(voice.language) === primary(tag));
      const near = this.#voices.find((voice) => primary(voice.language) === primary(tag));
      const best = same ?? plain ?? near;
      if (best) return best;
    }
    return null;
  }

  /**
   * The group of the best voice for each of these languages, in their order.
   * @param {readonly string[]} languages BCP 47 tags
   */
  suggest(languages) {
    const best = languages.map((tag) => this.bestFor([tag])?.language);
    const tags = [...new Set(best.filter((tag) => tag !== undefined))];
    return tags.flatMap((tag) => this.#groups.filter((group) => group.tag === tag));
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
   * What to call a voice's language.
   * @param {VoiceInfo} voice
   */
  title({ language, name }) {
    const own = language.includes("-x-") ? undefined : nameOf(this.#names, language);
    return own ?? split(name).language;
  }

  /** @param {Intl.Collator} collator */
  #group(collator) {
    const tags = [...new Set(this.#voices.map(({ language }) => language))];
    return tags
      .map((tag) => this.#describe(tag))
      .sort((a, b) => collator.compare(this.#family(a), this.#family(b)) || collator.compare(a.title, b.title));
  }

  /**
   * @param {string} tag
   * @returns {VoiceGroup}
   */
  #describe(tag) {
    const voices = this.#voices.filter(({ language }) => language === tag);
    return {
      tag,
      title: this.title(voices[0]),
      autonym: nameOf(displayNames(tag), primary(tag)) ?? "",
      voices: voices.map((voice) => ({ voice, ...split(voice.name) })),
    };
  }

  /**
   * What all variants of a language are sorted and found under.
   * @param {VoiceGroup} group
   */
  #family({ tag, title }) {
    return nameOf(this.#names, primary(tag)) ?? title;
  }

  /**
   * @param {VoiceGroup} group
   * @param {string} wanted
   */
  #matching(group, wanted) {
    const { title, autonym, tag, voices } = group;
    if (fold(`${title}\n${this.#family(group)}\n${autonym}\n${tag}`).includes(wanted)) return voices;
    return voices.filter(({ voice }) => fold(`${voice.name}\n${voice.id}`).includes(wanted));
  }
}

/**
 * "Language (Place), Name (female)" in its parts.
 * @param {string} full
 * @returns {{language: string, name: string, sex: "female" | "male" | ""}}
 */
function split(full) {
  const comma = full.lastIndexOf(", ");
  const rest = full.slice(comma < 0 ? 0 : comma + 2);
  const sexed = /^(.+) \((female|male)\)$/.exec(rest);
  return {
    language: comma < 0 ? full : full.slice(0, comma),
    name: sexed ? sexed[1] : rest,
    sex: sexed ? (sexed[2] === "male" ? "male" : "female") : "",
  };
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
