import { formNamed } from "../../playground/schema.js";
import { code, paragraph, tableOf } from "./fields.js";

/** @import { Schema } from "../../playground/schema.js" */

/** A route: what it takes, what it answers, what it refuses with. */
export class RouteView {
  node = document.createElement("article");

  /**
   * @param {Schema} description of the whole interface
   * @param {string} method
   * @param {string} path
   * @param {Schema} operation
   */
  constructor(description, method, path, operation) {
    this.title = `${method.toUpperCase()} ${path.replace("/v1", "").replace(/\{\w+?_id\}/g, "{id}")}`;
    this.id = operation.operationId ?? `${method}-${path}`;
    this.node.id = this.id;
    const head = document.createElement("h3");
    const verb = document.createElement("span");
    verb.className = "tag verb";
    verb.textContent = method.toUpperCase();
    head.append(verb, " ", code(path));
    this.node.append(head);
    const about = /** @type {string} */ (operation.description ?? "");
    this.node.append(...about.split(/\n\n+/).filter(Boolean).map((each) => paragraph(each)));
    for (const [kind, media] of Object.entries(operation.requestBody?.content ?? {})) {
      this.node.append(paragraph(`Takes ${kind}`, "takes"));
      const name = media.schema?.$ref?.split("/").at(-1);
      const fields = name ? formNamed(description, name).fields : [];
      if (fields.length) this.node.append(tableOf(fields));
    }
    this.node.append(answersOf(operation.responses ?? {}));
  }
}

/** @param {Record<string, Schema>} responses by status */
function answersOf(responses) {
  const list = document.createElement("dl");
  list.className = "answers";
  for (const [status, { description }] of Object.entries(responses)) {
    const pair = document.createElement("div");
    const term = document.createElement("dt");
    term.append(code(status));
    const words = document.createElement("dd");
    words.textContent = description;
    pair.append(term, words);
    list.append(pair);
  }
  return list;
}
