// The reference: what the server's own description (/openapi.json) says, to be read.

import { commandForms, eventForms } from "../playground/schema.js";
import { element } from "../view/elements.js";
import { withCode } from "./view/fields.js";
import { MessageView } from "./view/message_view.js";
import { RouteView } from "./view/route_view.js";

/** @import { Schema } from "../playground/schema.js" */

const METHODS = ["get", "post", "patch", "delete", "options"];

try {
  const answer = await fetch(new URL("../openapi.json", location.href));
  show(await answer.json());
} catch {
  element("about").textContent = "The server did not answer. Please reload the page.";
}

/** @param {Schema} description */
function show(description) {
  element("about").replaceChildren(...withCode(description.info.description ?? ""));
  const routes = Object.entries(description.paths).flatMap(([path, operations]) =>
    METHODS.filter((method) => method in operations).map(
      (method) => new RouteView(description, method, path, operations[method]),
    ),
  );
  const commands = commandForms(description).map((form) => new MessageView(form));
  const events = eventForms(description).map((form) => new MessageView(form));
  element("route-list").replaceChildren(...routes.map(({ node }) => node));
  element("command-list").replaceChildren(...commands.map(({ node }) => node));
  element("event-list").replaceChildren(...events.map(({ node }) => node));
  element("index").replaceChildren(
    ...group("Routes", "routes", routes),
    ...group("Commands", "commands", commands),
    ...group("Events", "events", events),
  );
  if (location.hash.length > 1) document.getElementById(location.hash.slice(1))?.scrollIntoView();
}

/**
 * @param {string} name
 * @param {string} id
 * @param {{id: string, title: string}[]} parts
 */
function group(name, id, parts) {
  const head = document.createElement("p");
  head.append(anchor(name, id));
  const list = document.createElement("ul");
  for (const part of parts) {
    const item = document.createElement("li");
    item.append(anchor(part.title, part.id));
    list.append(item);
  }
  return [head, list];
}

/**
 * @param {string} text
 * @param {string} id
 */
function anchor(text, id) {
  const link = document.createElement("a");
  link.href = `#${id}`;
  link.textContent = text;
  return link;
}
