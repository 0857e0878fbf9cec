import { CaptionView } from "../../view/caption_view.js";
import { Compositor } from "../compositor.js";
import { build, icon } from "./build.js";

/** @import { AvatarEvent, Caption, Sound } from "../../likeness/types.js" */
/** @import { Strings } from "../strings.js" */

/** The portrait, what it says below it, and what stands in the way of hearing it. */
export class StageView {
  video = build("video", { playsinline: true, disablepictureinpicture: true, disableremoteplayback: true });
  #compositor = new Compositor(build("canvas", { "aria-hidden": "true", hidden: true }), this.video);
  #poster = build("img", { class: "poster", alt: "", hidden: true });
  #hear = build("button", { type: "button", class: "hear", hidden: true });
  #said = build("span", { class: "said" });
  #toCome = build("span", { class: "to-come" });
  #caption = build("p", { class: "caption", part: "caption", "aria-hidden": "true", hidden: true }, [this.#said, this.#toCome]);
  // For who listens to the page: each clause once, when it sounds.
  #log = build("div", { class: "unseen", role: "log", "aria-live": "polite" });
  element = build("div", { class: "stage", part: "stage" }, [
    this.#poster, this.video, this.#compositor.canvas, this.#caption, this.#hear, this.#log,
  ]);
  #captions = new CaptionView({ caption: this.#caption, said: this.#said, toCome: this.#toCome, log: this.#log });
  #isTransparent = false;
  #isSeen = false;

  /** @param {() => void} onHear "tap to hear" was pressed */
  constructor(onHear) {
    this.#hear.addEventListener("click", onHear);
    this.video.addEventListener("playing", () => this.element.classList.add("alive"));
    this.#poster.addEventListener("load", () => (this.#poster.hidden = false));
    this.#poster.addEventListener("error", () => (this.#poster.hidden = true));
  }

  /**
   * @param {Strings} strings
   * @param {{name: string, picture: string, isTransparent: boolean}} what
   */
  show(strings, { name, picture, isTransparent }) {
    this.video.setAttribute("aria-label", strings.say("portrait", { name }));
    this.#hear.replaceChildren(icon("silent"), strings.say("tapToHear"));
    if (this.#poster.getAttribute("src") !== picture && picture) this.#poster.src = picture;
    this.#isTransparent = isTransparent;
    this.#arrange();
  }

  /** @param {AvatarEvent} layout the event `stream.layout` */
  setLayout(layout) {
    this.#compositor.setLayout(layout);
    if (layout.layout) this.#isTransparent = layout.layout === "alpha_below";
    this.#arrange();
  }

  /** @param {boolean} seen whether the panel is open */
  setSeen(seen) {
    this.#isSeen = seen;
    this.#arrange();
  }

  /** The portrait is gone, until another comes. */
  clear() {
    this.element.classList.remove("alive");
    this.#captions.cut();
  }

  /** @param {Sound} sound */
  setSound({ blocked }) {
    this.#hear.hidden = !blocked;
  }

  /** @param {boolean} on whether captions are to be seen; they are always to be heard */
  setCaptions(on) {
    this.#caption.classList.toggle("off", !on);
  }

  /** @param {Caption} caption */
  caption(caption) {
    this.#captions.schedule(caption);
  }

  /** The voice was cut off. */
  cut() {
    this.#captions.cut();
  }

  #arrange() {
    this.#compositor.canvas.hidden = !this.#isTransparent;
    this.element.classList.toggle("composited", this.#isTransparent);
    if (this.#isTransparent && this.#isSeen) this.#compositor.start();
    else this.#compositor.stop();
  }
}
