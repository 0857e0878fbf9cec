// What the server's own description (/openapi.json) says of its messages, as forms.

/**
 * words: several lines of text. json: what has parts of its own.
 * @typedef {object} Field
 * @property {string} name
 * @property {"text" | "words" | "number" | "integer" | "flag" | "choice" | "json"} kind
 * @property {boolean} required
 * @property {readonly string[]} choices of a "choice"
 * @property {number | null} least
 * @property {number | null} most
 * @property {number | null} longest characters
 * @property {unknown} initial
 */

/**
 * @typedef {object} MessageForm
 * @property {string} type of the message; empty for what is no message
 * @property {string} description
 * @property {Field[]} fields
 */

/** @typedef {Record<string, any>} Schema */

/**
 * @param {Schema} description of the interface
 * @returns {MessageForm[]} one for each command there is
 */
export function commandForms(description) {
  return typesOf(description, "Command").map(([type, schema]) => formOf(schema, type));
}

/**
 * @param {Schema} description
 * @returns {MessageForm[]} one for each event there is
 */
export function eventForms(description) {
  return typesOf(description, "Event").map(([type, schema]) => formOf(schema, type));
}

/**
 * @param {Schema} description
 * @param {string} name of a schema
 */
export function formNamed(description, name) {
  return formOf(description.components.schemas[name], "");
}

/**
 * @param {Schema} description
 * @param {"Command" | "Event"} family
 * @returns {[string, Schema][]}
 */
function typesOf(description, family) {
  const { schemas } = description.components;
  const mapping = Object.entries(schemas[family].discriminator.mapping);
  return mapping.map(([type, reference]) => [type, schemas[reference.split("/").at(-1)]]);
}

/**
 * @param {Schema} schema of an object
 * @param {string} type
 * @returns {MessageForm}
 */
function formOf(schema, type) {
  const required = new Set(schema.required ?? []);
  const fields = Object.entries(schema.properties ?? {})
    .filter(([, property]) => !("const" in property))
    .map(([name, property]) => fieldOf(name, property, required.has(name)));
  fields.sort((one, other) => rank(one) - rank(other));
  return { type, description: schema.description ?? "", fields };
}

/** @param {Field} field what is needed comes first, what is of every message last */
function rank({ name, required }) {
  if (name === "event_id") return 2;
  return required ? 0 : 1;
}

/**
 * @param {string} name
 * @param {Schema} property
 * @param {boolean} required
 * @returns {Field}
 */
function fieldOf(name, property, required) {
  const others = property.anyOf?.filter((/** @type {Schema} */ each) => each.type !== "null");
  const one = others?.length === 1 ? { ...others[0] } : property;
  return {
    name,
    kind: kindOf(name, one),
    required,
    choices: one.enum ?? [],
    least: one.minimum ?? null,
    most: one.maximum ?? null,
    longest: one.maxLength ?? null,
    initial: property.default ?? null,
  };
}

/**
 * @param {string} name
 * @param {Schema} schema
 * @returns {Field["kind"]}
 */
function kindOf(name, schema) {
  if (schema.enum) return "choice";
  if (schema.type === "boolean") return "flag";
  if (schema.type === "integer" || schema.type === "number") return schema.type;
  if (schema.type !== "string") return "json";
  return name === "text" || name === "prompt" ? "words" : "text";
}
