// The start page: its words, its film. It holds no session.

import { takeKey } from "../page/key.js";
import { Memory } from "../page/memory.js";
import { Messages } from "../page/messages.js";
import { button, element, input, translate, video } from "../view/elements.js";
import { FilmView } from "./view/film_view.js";
import { WORDS } from "./words.js";

const memory = new Memory(() => localStorage);
takeKey(memory, location); // kept for the pages that this one leads to

let messages = new Messages(memory.languages(navigator.languages), WORDS);
const film = new FilmView(
  { film: video("film"), button: button("film-button") },
  messages,
  matchMedia("(prefers-reduced-motion: reduce)").matches,
);

input(`language-${messages.language}`).checked = true;
element("languages").addEventListener("change", ({ target }) => {
  if (!(target instanceof HTMLInputElement)) return;
  memory.keep("language", target.value);
  messages = new Messages([target.value], WORDS);
  speak();
});
speak();

function speak() {
  translate(messages);
  document.title = `Likeness: ${messages.say("title")}`;
  film.setMessages(messages);
}
