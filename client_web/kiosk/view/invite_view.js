import { Words } from "../words.js";

/** @import { Tongue } from "../types.js" */

/** What the screen says to who passes by: a greeting and a button in each language. */
export class InviteView {
  /**
   * @param {{greetings: HTMLElement, starts: HTMLElement}} elements
   * @param {readonly Tongue[]} tongues
   * @param {(tongue: Tongue) => void} onStart
   */
  constructor(elements, tongues, onStart) {
    const own = new Words(tongues[0].tag);
    elements.greetings.lang = own.language;
    elements.greetings.replaceChildren(own.say("invite"), small(own.say("inviteMore")));
    elements.starts.replaceChildren(...tongues.map((tongue) => startButton(tongue, onStart)));
  }
}

/** @param {string} text */
function small(text) {
  const node = document.createElement("small");
  node.textContent = text;
  return node;
}

/**
 * @param {Tongue} tongue
 * @param {(tongue: Tongue) => void} onStart
 */
function startButton(tongue, onStart) {
  const words = new Words(tongue.tag);
  const button = document.createElement("button");
  button.type = "button";
  button.className = "start";
  button.lang = words.language;
  button.append(icon("touch"), words.say("begin"));
  button.addEventListener("click", () => onStart(tongue));
  return button;
}

/** @param {string} name of the sprite */
function icon(name) {
  const space = "http://www.w3.org/2000/svg";
  const drawing = document.createElementNS(space, "svg");
  const use = document.createElementNS(space, "use");
  use.setAttribute("href", `#icon-${name}`);
  drawing.setAttribute("class", "icon");
  drawing.setAttribute("aria-hidden", "true");
  drawing.append(use);
  return drawing;
}
