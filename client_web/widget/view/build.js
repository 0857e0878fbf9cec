const SVG = "http://www.w3.org/2000/svg";

// Drawings of 24 x 24.
const ICONS = {
  talk: "M4.500 6.500A1.5 1.500 0 0 1 6 5h12a1.5 1.500 0 0 1 1.500 1.500v8A1.5 1.500 0 0 1 18 16h-6.500L7.500 19.500V16H6a1.5 1.500 0 0 1-1.500-1.500ZM8.500 9.200h7M8.500 12h4.500",
  close: "m6.5 6.5 11 11m0-11-11 11",
  send: "M12 19V5.500M6 11l6-6 6 6",
  stop: "M9 7h6a2 2 0 0 1 2 2v6a2 2 0 0 1-2 2H9a2 2 0 0 1-2-2V9a2 2 0 0 1 2-2Z",
  mic: "M12 3.500a3 3 0 0 1 3 3v5a3 3 0 0 1-6 0v-5a3 3 0 0 1 3-3ZM5.500 11.500a6.500 6.500 0 0 0 13 0M12 18v2.500",
  sound: "M4 9.500v5h3.500L12 18.500v-13L7.500 9.500ZM15.500 9a4.200 4.200 0 0 1 0 6M18 6.500a7.800 7.800 0 0 1 0 11",
  silent: "M4 9.500v5h3.500L12 18.500v-13L7.500 9.500Zm12 0 5 5m0-5-5 5",
  captions: "M5.500 5.500h13a2 2 0 0 1 2 2v9a2 2 0 0 1-2 2h-13a2 2 0 0 1-2-2v-9a2 2 0 0 1 2-2ZM7 11h4.500M14 11h3M7 14.500h3M12.500 14.500H17",
  person: "M12 4a3.500 3.500 0 1 1 0 7 3.500 3.500 0 0 1 0-7ZM5 20c.4-4 3-6.500 7-6.500s6.600 2.500 7 6.500",
};

/**
 * An element in one breath. No `style` is ever set: a strict policy forbids it.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, string | boolean>} [attributes] true: there; false: not
 * @param {(Node | string)[]} [children]
 * @returns {HTMLElementTagNameMap[K]}
 */
export function build(tag, attributes = {}, children = []) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children);
  return element;
}

/** @param {keyof typeof ICONS} name */
export function icon(name) {
  const drawing = document.createElementNS(SVG, "svg");
  drawing.setAttribute("viewBox", "0 0 24 24");
  drawing.setAttribute("class", "icon");
  drawing.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", ICONS[name]);
  drawing.append(path);
  return drawing;
}

/**
 * A button that is a drawing and a name for who cannot see it.
 * @param {keyof typeof ICONS} drawing
 * @param {string} className
 */
export function iconButton(drawing, className) {
  return build("button", { type: "button", class: className }, [icon(drawing)]);
}

/**
 * @param {HTMLElement} button
 * @param {string} words
 */
export function name(button, words) {
  button.setAttribute("aria-label", words);
  button.title = words;
}
