import { code, paragraph, tableOf } from "./fields.js";

/** @import { MessageForm } from "../../playground/schema.js" */

/** A command or an event: what it is for, and what is in it. */
export class MessageView {
  node = document.createElement("article");

  /** @param {MessageForm} form */
  constructor({ type, description, fields }) {
    this.title = type;
    this.id = type;
    this.node.id = type;
    const head = document.createElement("h3");
    head.append(code(type));
    this.node.append(head);
    if (description) this.node.append(paragraph(description));
    if (fields.length) this.node.append(tableOf(fields));
  }
}
