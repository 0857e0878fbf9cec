// The shop's own script: how a page talks to its widget.
import { LikenessAvatar } from "./likeness-avatar.js";

const avatar = document.getElementById("avatar");
const transparent = document.getElementById("transparent");

if (avatar instanceof LikenessAvatar && transparent instanceof HTMLInputElement) {
  const wanted = new URLSearchParams(location.search);
  if (wanted.has("transparent")) avatar.setAttribute("transparent", "");
  transparent.checked = avatar.hasAttribute("transparent");
  transparent.addEventListener("change", () => {
    avatar.toggleAttribute("transparent", transparent.checked);
    avatar.open();
  });
  document.getElementById("ask")?.addEventListener("click", () => {
    avatar.ask("What hardware does it need?");
  });
}
