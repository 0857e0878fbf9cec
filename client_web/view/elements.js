// A page's elements by their ids, with the types they have there.

/** @param {string} id */
export function element(id) {
  const found = document.getElementById(id);
  if (!found) throw new ReferenceError(`no element ${id}`);
  return found;
}

/**
 * @template {HTMLElement} T
 * @param {new () => T} kind
 * @returns {(id: string) => T}
 */
function finder(kind) {
  return (id) => {
    const found = element(id);
    if (!(found instanceof kind)) throw new TypeError(`${id} is no ${kind.name}`);
    return found;
  };
}

export const button = finder(HTMLButtonElement);
export const canvas = finder(HTMLCanvasElement);
export const dialog = finder(HTMLDialogElement);
export const form = finder(HTMLFormElement);
export const image = finder(HTMLImageElement);
export const input = finder(HTMLInputElement);
export const link = finder(HTMLAnchorElement);
export const progress = finder(HTMLProgressElement);
export const select = finder(HTMLSelectElement);
export const textArea = finder(HTMLTextAreaElement);
export const video = finder(HTMLVideoElement);

/**
 * Put the page's words into the visitor's language, wherever the page marks them.
 * @param {{language: string, say: (key: string) => string}} messages
 */
export function translate(messages) {
  document.documentElement.lang = messages.language === "zh" ? "zh-CN" : "en";
  /** @type {[string, (node: HTMLElement, text: string) => void][]} */
  const places = [
    ["say", (node, text) => (node.textContent = text)],
    ["label", (node, text) => node.setAttribute("aria-label", text)],
    ["title", (node, text) => (node.title = text)],
    ["placeholder", (node, text) => node.setAttribute("placeholder", text)],
  ];
  for (const [name, put] of places) {
    for (const node of document.querySelectorAll(`[data-${name}]`)) {
      if (node instanceof HTMLElement) put(node, messages.say(node.dataset[name] ?? ""));
    }
  }
}
