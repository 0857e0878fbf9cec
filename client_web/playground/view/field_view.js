/** @import { Field } from "../schema.js" */

/** One field of a message, as the server describes it. */
export class FieldView {
  #field;
  #control;
  /** The label and the control. */
  node;

  /**
   * @param {Field} field
   * @param {string} prefix of ids, different for each form on a page
   * @param {readonly string[]} suggestions for a text
   * @param {() => void} onInput
   */
  constructor(field, prefix, suggestions, onInput) {
    this.#field = field;
    this.#control = controlOf(field);
    this.#control.id = `${prefix}-${field.name}`;
    this.#control.addEventListener("input", onInput);
    this.node = document.createElement("div");
    this.node.className = field.kind === "flag" ? "tick" : "field";
    const label = document.createElement("label");
    label.htmlFor = this.#control.id;
    label.append(code(field.name), ...notes(field));
    if (field.kind === "flag") this.node.append(this.#control, label);
    else this.node.append(label, this.#control);
    if (suggestions.length) this.node.append(suggest(this.#control, suggestions));
  }

  get name() {
    return this.#field.name;
  }

  /** What is in it; undefined where nothing is, or what the server takes anyway. */
  get value() {
    const control = this.#control;
    if (control instanceof HTMLInputElement && control.type === "checkbox") {
      return control.checked === (this.#field.initial ?? false) ? undefined : control.checked;
    }
    if (control.value === "") return this.#field.required ? "" : undefined;
    if (this.#field.kind === "number" || this.#field.kind === "integer") {
      return Number(control.value);
    }
    if (this.#field.kind !== "json") return control.value;
    try {
      return JSON.parse(control.value);
    } catch {
      return control.value; // the server will say what is wrong with it
    }
  }

  /** @param {unknown} value undefined: none */
  set value(value) {
    const control = this.#control;
    if (control instanceof HTMLInputElement && control.type === "checkbox") {
      control.checked = Boolean(value ?? this.#field.initial);
    } else if (value === undefined || value === null) control.value = "";
    else control.value = typeof value === "object" ? JSON.stringify(value) : String(value);
  }
}

/** @param {Field} field */
function controlOf({ kind, choices, required, least, most, longest }) {
  if (kind === "choice") {
    const select = document.createElement("select");
    select.className = "input";
    if (!required) select.append(new Option("—", ""));
    select.append(...choices.map((each) => new Option(each, each)));
    return select;
  }
  if (kind === "words" || kind === "json") {
    const area = document.createElement("textarea");
    area.className = "input";
    area.rows = kind === "words" ? 3 : 2;
    area.spellcheck = false;
    return area;
  }
  const input = document.createElement("input");
  if (kind === "flag") {
    input.type = "checkbox";
    return input;
  }
  input.className = "input";
  input.type = kind === "text" ? "text" : "number";
  input.autocomplete = "off";
  input.spellcheck = false;
  if (kind === "number") input.step = "any";
  if (least !== null) input.min = String(least);
  if (most !== null) input.max = String(most);
  if (longest !== null) input.maxLength = longest;
  return input;
}

/**
 * @param {Field} field
 * @returns {(Node | string)[]}
 */
function notes({ required, least, most, initial }) {
  const words = [];
  if (required) words.push("*");
  if (least !== null && most !== null) words.push(`${least} – ${most}`);
  if (initial !== null && initial !== "" && initial !== false) words.push(`= ${JSON.stringify(initial)}`);
  if (!words.length) return [];
  const note = document.createElement("span");
  note.className = "note";
  note.textContent = words.join("  ");
  return [" ", note];
}

/** @param {string} text */
function code(text) {
  const node = document.createElement("code");
  node.textContent = text;
  return node;
}

/**
 * @param {HTMLElement} control
 * @param {readonly string[]} suggestions
 */
function suggest(control, suggestions) {
  const list = document.createElement("datalist");
  list.id = `${control.id}-list`;
  list.append(...suggestions.map((each) => new Option(each, each)));
  control.setAttribute("list", list.id);
  return list;
}
