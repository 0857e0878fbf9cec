/** @import { Field } from "../../playground/schema.js" */

/**
 * @param {Field[]} fields
 * @returns {HTMLElement} a table of them
 */
export function tableOf(fields) {
  const table = document.createElement("table");
  const body = table.createTBody();
  for (const field of fields) {
    const row = body.insertRow();
    const name = document.createElement("th");
    name.scope = "row";
    name.append(code(field.name));
    row.append(name);
    row.insertCell().textContent = kind(field);
    row.insertCell().textContent = notes(field);
  }
  const wide = document.createElement("div");
  wide.className = "wide";
  wide.append(table);
  return wide;
}

/** @param {string} text */
export function code(text) {
  const node = document.createElement("code");
  node.textContent = text;
  return node;
}

/**
 * @param {string} text `so` is code
 * @param {string} [name] class
 */
export function paragraph(text, name = "") {
  const node = document.createElement("p");
  node.className = name;
  node.append(...withCode(text));
  return node;
}

/**
 * @param {string} text with `code` in it
 * @returns {(string | Node)[]}
 */
export function withCode(text) {
  return text.split("`").map((part, index) => (index % 2 ? code(part) : part));
}

/** @param {Field} field */
function kind({ kind, choices }) {
  if (kind === "choice") return choices.join(" | ");
  if (kind === "words") return "text";
  if (kind === "flag") return "true | false";
  return kind === "json" ? "JSON" : kind;
}

/** @param {Field} field */
function notes({ required, least, most, longest, initial }) {
  const parts = [];
  if (required) parts.push("required");
  if (least !== null && most !== null) parts.push(`${least} to ${most}`);
  else if (least !== null) parts.push(`at least ${least}`);
  else if (most !== null) parts.push(`at most ${most}`);
  if (longest !== null) parts.push(`at most ${longest} characters`);
  if (initial !== null && initial !== "") parts.push(`${JSON.stringify(initial)} if left out`);
  return parts.join(", ");
}
