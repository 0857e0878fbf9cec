import { curlOf } from "../curl.js";
import { FieldView } from "./field_view.js";

/** @import { MessageForm } from "../schema.js" */
/** @import { Messages } from "../../page/messages.js" */

/**
 * @typedef {object} CommandElements
 * @property {HTMLSelectElement} types
 * @property {HTMLElement} description
 * @property {HTMLElement} fields
 * @property {HTMLTextAreaElement} json what is sent
 * @property {HTMLElement} problem
 * @property {HTMLButtonElement} send
 * @property {HTMLElement} curl
 */

/**
 * @typedef {object} CommandListener
 * @property {(command: {type: string} & Record<string, unknown>) => void} onSend
 * @property {() => string} path of the session's commands
 */

/** Every command of the server: a form, the JSON that it makes, the same for curl. */
export class CommandView {
  #elements;
  #messages;
  #listener;
  /** @type {MessageForm[]} */
  #forms = [];
  /** @type {FieldView[]} */
  #fields = [];
  /** @type {Map<string, object>} what was last written, by type */
  #drafts = new Map();
  /** @type {Record<string, readonly string[]>} */
  #suggestions = {};

  /**
   * @param {CommandElements} elements
   * @param {Messages} messages
   * @param {CommandListener} listener
   */
  constructor(elements, messages, listener) {
    this.#elements = elements;
    this.#messages = messages;
    this.#listener = listener;
    elements.types.addEventListener("change", () => this.#choose());
    elements.json.addEventListener("input", () => this.#read());
    elements.send.addEventListener("click", () => this.#send());
    for (const node of [elements.json, elements.fields]) {
      node.addEventListener("keydown", (event) => {
        if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) this.#send();
      });
    }
  }

  /**
   * @param {MessageForm[]} forms
   * @param {Map<string, object>} samples what to begin with, by type
   * @param {Record<string, readonly string[]>} suggestions by a field's name
   */
  offer(forms, samples, suggestions) {
    this.#forms = forms;
    this.#drafts = samples;
    this.#suggestions = suggestions;
    this.#elements.types.replaceChildren(...forms.map(({ type }) => new Option(type, type)));
    this.#elements.send.disabled = false;
    this.#choose();
  }

  /** The address of the session has changed. */
  refresh() {
    this.#showCurl(this.#parsed());
  }

  get #form() {
    return this.#forms.find(({ type }) => type === this.#elements.types.value);
  }

  #choose() {
    const form = this.#form;
    if (!form) return;
    this.#elements.description.textContent = form.description;
    this.#fields = form.fields.map(
      (field) =>
        new FieldView(field, "command", this.#suggestions[field.name] ?? [], () => this.#write()),
    );
    this.#elements.fields.replaceChildren(...this.#fields.map(({ node }) => node));
    this.#show({ type: form.type, ...this.#drafts.get(form.type) });
    this.#fill(this.#parsed() ?? {});
  }

  /** From the form to the JSON. */
  #write() {
    const known = new Set(this.#fields.map(({ name }) => name));
    const before = Object.entries(this.#parsed() ?? {}).filter(([name]) => !known.has(name));
    const now = this.#fields.map(({ name, value }) => [name, value]);
    const given = now.filter(([, value]) => value !== undefined);
    this.#show({ type: this.#form?.type, ...Object.fromEntries([...before, ...given]) });
  }

  /** From the JSON to the form. */
  #read() {
    const command = this.#parsed();
    if (command) this.#fill(command);
    this.#note(command);
  }

  /** @param {Record<string, unknown>} command */
  #fill(command) {
    for (const field of this.#fields) field.value = command[field.name];
  }

  /** @param {object} command */
  #show(command) {
    this.#elements.json.value = JSON.stringify(command, null, 2);
    this.#note(command);
  }

  /** @param {object | null} command */
  #note(command) {
    const { json, problem, send } = this.#elements;
    problem.textContent = command ? "" : this.#messages.say("badJson");
    json.setAttribute("aria-invalid", String(!command));
    send.disabled = !command;
    const form = this.#form;
    if (command && form) this.#drafts.set(form.type, command);
    this.#showCurl(command);
  }

  /** @param {object | null} command */
  #showCurl(command) {
    const body = command ?? {};
    this.#elements.curl.textContent = curlOf(location.origin, this.#listener.path(), body);
  }

  /** @returns {Record<string, unknown> | null} */
  #parsed() {
    try {
      const command = JSON.parse(this.#elements.json.value);
      return command !== null && typeof command === "object" && !Array.isArray(command)
        ? command
        : null;
    } catch {
      return null;
    }
  }

  #send() {
    const command = this.#parsed();
    if (command) this.#listener.onSend(/** @type {any} */ (command));
  }
}
