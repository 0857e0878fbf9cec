import { Words } from "./words.js";

/** @import { KioskConfig, Rules, Tongue } from "./types.js" */

// field -> [left out, least, most], in seconds
/** @type {Record<string, [keyof Rules, number, number, number]>} */
const TIMES = {
  idle_s: ["idleS", 45, 3, 3600],
  warn_s: ["warnS", 12, 2, 120],
  away_s: ["awayS", 8, 1, 600],
  max_s: ["maxS", 900, 30, 86_400],
  open_s: ["openS", 60, 5, 600],
  lost_s: ["lostS", 60, 5, 600],
  farewell_s: ["farewellS", 12, 2, 60],
};
const TEXTS = ["key", "grant", "identity", "prompt", "hand_over_url", "hand_over_number"];
const SWITCHES = ["presence", "microphone"];
const OTHERS = ["languages", "quiet_hour", "video"];
const KNOWN = new Set([...TEXTS, ...SWITCHES, ...OTHERS, ...Object.keys(TIMES)]);
const TONGUE_FIELDS = new Set(["tag", "voice", "greeting", "farewell", "questions"]);
const MOST_QUESTIONS = 6; // what a screen has room for
const LONGEST_ADDRESS = 500; // of a QR code that a phone reads from a step away

/** What is wrong with a kiosk's configuration, in words for whoever sets it up. */
export class ConfigError extends Error {
  /**
   * @param {string} field
   * @param {string} problem
   */
  constructor(field, problem) {
    super(`kiosk configuration, ${field}: ${problem}`);
    this.name = "ConfigError";
  }
}

/**
 * The configuration in the page's address: `#config=` and the base64url of a JSON file
 * (scripts/kiosk.sh puts it there; a fragment never leaves the browser), and fields of
 * it in the query, which win.
 * @param {string} search of location
 * @param {string} hash of location
 * @returns {KioskConfig}
 * @throws {ConfigError}
 */
export function readConfig(search, hash) {
  const encoded = new URLSearchParams(hash.slice(1)).get("config");
  const given = { ...(encoded ? decoded(encoded) : {}), ...fromQuery(search) };
  for (const name of Object.keys(given)) {
    if (!KNOWN.has(name)) throw new ConfigError(name, "there is no such field");
  }
  return checked(given);
}

/** @param {string} encoded base64url of UTF-8 */
function decoded(encoded) {
  try {
    const bytes = atob(encoded.replaceAll("-", "+").replaceAll("_", "/"));
    const text = new TextDecoder("utf-8", { fatal: true }).decode(
      Uint8Array.from(bytes, (letter) => letter.charCodeAt(0)),
    );
    const found = JSON.parse(text);
    if (typeof found === "object" && found !== null && !Array.isArray(found)) return found;
  } catch {
    // told below
  }
  throw new ConfigError("config", "it is no JSON object; check the file with `jq . FILE`");
}

/** @param {string} search */
function fromQuery(search) {
  /** @type {Record<string, unknown>} */
  const found = {};
  for (const [name, value] of new URLSearchParams(search)) {
    if (name === "key") throw new ConfigError(name, "no key in an address: put it into the file");
    if (name === "languages") found[name] = value.split(",").filter(Boolean);
    else if (SWITCHES.includes(name)) found[name] = !["off", "0", "false", "no"].includes(value);
    else if (name in TIMES || name === "quiet_hour") found[name] = Number(value);
    else if (name === "video") found[name] = sizeOf(value);
    else found[name] = value;
  }
  return found;
}

/**
 * @param {Record<string, unknown>} given
 * @returns {KioskConfig}
 */
function checked(given) {
  const text = (/** @type {string} */ name) => textOf(given[name] ?? "", name);
  return {
    key: text("key") || null,
    grant: pathOf(text("grant"), "grant"),
    identity: text("identity") || null,
    prompt: text("prompt") || null,
    video: given.video ? sizeOf(given.video) : null,
    tongues: tonguesOf(given.languages ?? ["en", "zh"]),
    handOver: {
      url: urlOf(text("hand_over_url"), "hand_over_url"),
      number: text("hand_over_number"),
    },
    presence: switchOf(given, "presence"),
    microphone: switchOf(given, "microphone"),
    quietHour: Math.floor(numberOf(given.quiet_hour ?? 4, "quiet_hour", 0, 23)),
    rules: rulesOf(given),
  };
}

/**
 * @param {Record<string, unknown>} given
 * @returns {Rules}
 */
function rulesOf(given) {
  const rules = Object.entries(TIMES).map(([field, [name, usual, least, most]]) => [
    name,
    numberOf(given[field] ?? usual, field, least, most),
  ]);
  return Object.fromEntries(rules);
}

/**
 * @param {unknown} given tags, or objects with a tag and its words
 * @returns {Tongue[]}
 */
function tonguesOf(given) {
  if (!Array.isArray(given) || given.length === 0 || given.length > 6) {
    throw new ConfigError("languages", "give one to six, such as en,zh");
  }
  return given.map((each) => tongueOf(typeof each === "string" ? { tag: each } : each));
}

/**
 * @param {unknown} given
 * @returns {Tongue}
 */
function tongueOf(given) {
  const { tag, voice, greeting, farewell, questions } = /** @type {any} */ (given ?? {});
  for (const name of Object.keys(given ?? {})) {
    if (!TONGUE_FIELDS.has(name)) throw new ConfigError(`languages.${name}`, "there is no such field");
  }
  if (typeof tag !== "string" || !/^[a-z]{2,3}(-[A-Za-z0-9]{1,8})*$/.test(tag)) {
    throw new ConfigError("languages.tag", `${JSON.stringify(tag)} is no language, such as en or zh-CN`);
  }
  const words = new Words(tag);
  const asked = questions ?? words.questions;
  if (!Array.isArray(asked) || asked.length > MOST_QUESTIONS) {
    throw new ConfigError("languages.questions", `give a list of at most ${MOST_QUESTIONS}`);
  }
  return {
    tag,
    voice: voice ? textOf(voice, "languages.voice") : null,
    greeting: textOf(greeting ?? words.say("greeting"), "languages.greeting"),
    farewell: textOf(farewell ?? words.say("farewell"), "languages.farewell"),
    questions: asked.map((each) => textOf(each, "languages.questions")).filter(Boolean),
  };
}

/**
 * @param {unknown} value
 * @param {string} field
 */
function textOf(value, field) {
  if (typeof value !== "string") throw new ConfigError(field, "it must be a text");
  if (value.length > 2_000) throw new ConfigError(field, "it is over 2,000 characters");
  return value.trim();
}

/**
 * @param {unknown} value
 * @param {string} field
 * @param {number} least
 * @param {number} most
 */
function numberOf(value, field, least, most) {
  if (typeof value === "number" && value >= least && value <= most) return value;
  throw new ConfigError(field, `it must be a number from ${least} to ${most}`);
}

/**
 * @param {Record<string, unknown>} given
 * @param {string} field
 */
function switchOf(given, field) {
  const value = given[field] ?? true;
  if (typeof value !== "boolean") throw new ConfigError(field, "it must be true or false");
  return value;
}

/**
 * @param {string} value a path of this origin: the page may ask no other
 * @param {string} field
 */
function pathOf(value, field) {
  if (value === "" || /^\/(?!\/)/.test(value)) return value;
  throw new ConfigError(field, "it must be a path of this server, such as /lobby");
}

/**
 * @param {string} value what a phone can open
 * @param {string} field
 */
function urlOf(value, field) {
  const usable = value === "" || isHttp(value) || /^(tel|sms|mailto):./.test(value);
  if (!usable) throw new ConfigError(field, "it must begin with https://, http://, tel:, sms: or mailto:");
  if (value.length > LONGEST_ADDRESS) throw new ConfigError(field, `it is over ${LONGEST_ADDRESS} characters`);
  return value;
}

/** @param {string} value */
function isHttp(value) {
  return /^https?:$/.test(URL.parse(value)?.protocol ?? "");
}

/** @param {unknown} value such as "576x1024", or an object */
function sizeOf(value) {
  const [width, height] =
    typeof value === "string"
      ? value.split("x").map(Number)
      : [/** @type {any} */ (value).width, /** @type {any} */ (value).height];
  return {
    width: numberOf(width, "video.width", 128, 1280),
    height: numberOf(height, "video.height", 128, 1280),
  };
}
