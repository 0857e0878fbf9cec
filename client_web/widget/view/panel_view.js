import { build, icon, iconButton, name } from "./build.js";
import { ChatView } from "./chat_view.js";
import { ComposerView } from "./composer_view.js";
import { MicrophoneView } from "./microphone_view.js";
import { NoticeView } from "./notice_view.js";
import { StageView } from "./stage_view.js";

/** @import { Options } from "../options.js" */
/** @import { Strings } from "../strings.js" */

/**
 * @typedef {object} PanelListener
 * @property {() => void} onClose
 * @property {(text: string) => void} onQuestion
 * @property {() => void} onInterrupt
 * @property {() => void} onMicrophone
 * @property {() => void} onHear sound was asked for
 * @property {() => void} onMute
 * @property {() => void} onPerson
 */

/** The panel: the portrait, and below it a card with all the rest. */
export class PanelView {
  #title = build("h2", { id: "title" });
  #status = build("span");
  #generated = build("p", { class: "generated" });
  #mute = iconButton("sound", "bare");
  #captions = iconButton("captions", "bare");
  #close = iconButton("close", "bare");
  #person = build("button", { type: "button", class: "person" });
  notice = new NoticeView();
  stage;
  chat;
  microphone;
  composer;
  element;
  /** @type {Strings | null} */
  #strings = null;
  #isMuted = false;
  #hasCaptions = true;

  /** @param {PanelListener} listener */
  constructor(listener) {
    this.stage = new StageView(listener.onHear);
    this.chat = new ChatView(listener.onQuestion);
    this.microphone = new MicrophoneView(listener.onMicrophone, (words) => this.hint(words));
    this.composer = new ComposerView(this.microphone.element, listener.onQuestion, listener.onInterrupt);
    const head = build("header", { class: "head", part: "header" }, [
      build("div", { class: "who" }, [
        this.#title,
        build("div", { class: "line" }, [
          build("p", { class: "status", role: "status" }, [build("span", { class: "dot", "aria-hidden": "true" }), this.#status]),
          this.#generated,
        ]),
      ]),
      this.#mute, this.#captions, this.#close,
    ]);
    const card = build("div", { class: "card", part: "card" }, [
      head, this.chat.element, this.notice.element, this.composer.element, this.#person,
    ]);
    this.element = build("section", { id: "panel", class: "panel", part: "panel", role: "dialog", "aria-labelledby": "title", hidden: true }, [
      this.stage.element, card,
    ]);
    this.#listen(listener);
  }

  /**
   * @param {Strings} strings
   * @param {Options} options
   */
  show(strings, options) {
    this.#strings = strings;
    const whom = options.name || strings.say("title");
    this.#title.textContent = whom;
    this.#generated.textContent = strings.say("generated");
    name(this.#close, strings.say("closeChat"));
    this.#person.replaceChildren(icon("person"), strings.say("person"));
    this.stage.show(strings, { name: whom, picture: options.picture, isTransparent: options.isTransparent });
    this.chat.show(strings, { name: whom, questions: options.questions });
    for (const view of [this.microphone, this.composer, this.notice]) view.show(strings);
    this.element.classList.toggle("transparent", options.isTransparent);
    this.#hasCaptions = options.hasCaptions;
    this.#draw();
  }

  /** @param {boolean} open */
  setOpen(open) {
    this.element.hidden = !open;
    this.stage.setSeen(open);
    if (open) this.composer.focus();
  }

  /** @param {string} state a phase, or what a live portrait does */
  setStatus(state) {
    this.element.dataset.state = state;
    this.#status.textContent = this.#strings?.say(state === "idle" ? "live" : state) ?? "";
  }

  /** @param {boolean} muted */
  setMuted(muted) {
    this.#isMuted = muted;
    this.#draw();
  }

  /** @param {string} words that go when they do not hold any more; empty: they do not */
  hint(words) {
    if (words) this.notice.tell(words, { kind: "hint" });
    else this.notice.clear("hint");
  }

  /**
   * How a person takes over, and the site's own way there.
   * @param {string} told
   * @param {string} url or empty
   */
  tellOfPerson(told, url) {
    const words = this.#strings?.say("personLink") ?? "";
    const elsewhere = /^https?:/i.test(url) && "_blank"; // the conversation stays open here
    const action = url ? build("a", { class: "button", href: url, target: elsewhere, rel: "noopener" }, [words]) : null;
    this.notice.tell(told, { kind: "handover", action });
  }

  /** @param {() => void} onAgain */
  againButton(onAgain) {
    const button = build("button", { type: "button", class: "button" }, [this.#strings?.say("again") ?? ""]);
    button.addEventListener("click", () => {
      this.composer.focus();
      onAgain();
    });
    return button;
  }

  /** @param {PanelListener} listener */
  #listen(listener) {
    this.#close.addEventListener("click", listener.onClose);
    this.#mute.addEventListener("click", () => (this.#isMuted ? listener.onHear() : listener.onMute()));
    this.#person.addEventListener("click", listener.onPerson);
    this.#captions.addEventListener("click", () => {
      this.#hasCaptions = !this.#hasCaptions;
      this.#draw();
    });
    this.element.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || event.isComposing) return;
      event.stopPropagation(); // the page's own dialogs stay as they are
      listener.onClose();
    });
  }

  #draw() {
    if (!this.#strings) return;
    this.#mute.replaceChildren(icon(this.#isMuted ? "silent" : "sound"));
    name(this.#mute, this.#strings.say(this.#isMuted ? "unmute" : "mute"));
    this.#captions.setAttribute("aria-pressed", String(this.#hasCaptions));
    name(this.#captions, this.#strings.say(this.#hasCaptions ? "captionsOff" : "captionsOn"));
    this.stage.setCaptions(this.#hasCaptions);
  }
}
