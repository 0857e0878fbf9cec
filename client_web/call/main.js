// How to be in a video call as the portrait.

import { takeKey } from "../page/key.js";
import { Memory } from "../page/memory.js";
import { Messages } from "../page/messages.js";
import { element, translate } from "../view/elements.js";
import { WORDS } from "./words.js";

const memory = new Memory(() => localStorage);
takeKey(memory, location);
const messages = new Messages(memory.languages(navigator.languages), WORDS);
translate(messages);
document.title = `Likeness: ${messages.say("title")}`;
element("address").textContent = location.origin;
