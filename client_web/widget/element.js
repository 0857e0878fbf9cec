import { Conversation } from "./conversation.js";
import { ATTRIBUTES, Options } from "./options.js";
import { Strings } from "./strings.js";
import { styles } from "./styles.js";
import { BubbleView } from "./view/bubble_view.js";
import { PanelView } from "./view/panel_view.js";

/** @import { Likeness } from "../likeness.js" */

// Loaded as https://likeness.example/widget/element.js: the server is what is above.
const OWN_SERVER = new URL("..", import.meta.url).href;

/**
 * `<likeness-avatar>`: a bubble in the corner of any page, and the panel it opens, in
 * which a live portrait talks with the visitor. README.md in this folder tells its
 * attributes, its CSS variables, its events and what a page's policy must allow.
 *
 * @fires LikenessAvatar#likeness-open the panel was opened
 * @fires LikenessAvatar#likeness-close the panel was closed
 * @fires LikenessAvatar#likeness-message `{who, text}`: one of both has said something
 * @fires LikenessAvatar#likeness-handover `{reason, messages}`: a person is wanted;
 *   `reason` is `visitor`, `called` (the server has told somebody) or `nobody`. A page that
 *   cancels it (`preventDefault`) shows its own way to a person
 * @fires LikenessAvatar#likeness-phase `{phase}`: how the connection is
 * @fires LikenessAvatar#likeness-error `{code, message}`
 */
export class LikenessAvatar extends HTMLElement {
  static observedAttributes = [...ATTRIBUTES];

  #options = new Options(this, OWN_SERVER);
  #strings = new Strings("en");
  #bubble = new BubbleView(() => this.open());
  #panel = new PanelView({
    onClose: () => this.close(),
    onQuestion: (text) => this.ask(text),
    onInterrupt: () => this.interrupt(),
    onMicrophone: () => this.#conversation.toggleMicrophone(),
    onHear: () => this.likeness?.unmute(),
    onMute: () => this.likeness?.mute(),
    onPerson: () => this.#wantPerson(),
  });
  #conversation = new Conversation(this.#options, this.#panel, this.#strings, {
    onMessage: (who, text) => this.#dispatch("message", { who, text }),
    onHandover: (status) => this.#handOver(status),
    onPhase: (phase) => this.#dispatch("phase", { phase }),
    onError: ({ code, message }) => this.#dispatch("error", { code, message }),
  });
  #isOpen = false;

  constructor() {
    super();
    const root = this.attachShadow({ mode: "open" });
    root.adoptedStyleSheets = styles();
    root.append(this.#bubble.element, this.#panel.element);
  }

  connectedCallback() {
    this.#show();
    if (this.hasAttribute("open")) this.open();
  }

  disconnectedCallback() {
    // Moving an element takes it away and puts it back: only what stays away is over.
    queueMicrotask(() => {
      if (this.isConnected) return;
      this.#setOpen(false);
      this.#conversation.end();
    });
  }

  /**
   * @param {string} name
   * @param {string | null} before
   * @param {string | null} now
   */
  attributeChangedCallback(name, before, now) {
    if (!this.isConnected || before === now) return;
    if (name === "open") {
      if (now === null) this.close();
      else this.open();
      return;
    }
    this.#show();
    if (name === "language" && now) this.likeness?.setManner({ language: now });
    if (name === "voice" && now) this.likeness?.setManner({ voice: now });
    if (name === "transparent" && (before === null) !== (now === null)) {
      this.likeness?.setManner({ background: now === null ? "keep" : "alpha" });
    }
  }

  /** @returns {Likeness | null} the connection, while there is one: for what is not here */
  get likeness() {
    return this.#conversation.likeness;
  }

  get isOpen() {
    return this.#isOpen;
  }

  /** @returns {{who: "visitor" | "portrait", text: string}[]} what was said, oldest first */
  get messages() {
    return this.#conversation.lines;
  }

  /** Open the panel and connect. In the handler of a click, it is heard at once. */
  open() {
    if (this.#isOpen || !this.isConnected) return;
    this.#setOpen(true);
    this.#panel.setStatus(this.#conversation.status);
    this.#conversation.begin();
    this.#dispatch("open", {});
  }

  /** Close the panel; the session is given back a little later (`keep-s`). */
  close() {
    if (!this.#isOpen) return;
    const root = this.shadowRoot;
    const hadFocus = root?.activeElement != null;
    this.#setOpen(false);
    if (hadFocus) this.#bubble.element.focus({ preventScroll: true });
    this.#conversation.leave();
    this.#dispatch("close", {});
  }

  /**
   * Say this, word for word; opens the panel.
   * @param {string} text
   */
  speak(text) {
    this.open();
    this.likeness?.speak(text);
  }

  /**
   * Ask this for the visitor; opens the panel.
   * @param {string} text
   */
  ask(text) {
    this.open();
    this.#conversation.ask(text);
  }

  /** Fall silent. */
  interrupt() {
    this.likeness?.interrupt();
  }

  /** @param {boolean} open */
  #setOpen(open) {
    this.#isOpen = open;
    this.#bubble.setOpen(open);
    this.#panel.setOpen(open);
    this.toggleAttribute("open", open);
  }

  #show() {
    const { language, name, picture } = this.#options;
    this.#strings = new Strings(language);
    this.#conversation.setStrings(this.#strings);
    const whom = name || this.#strings.say("title");
    this.#bubble.show(this.#strings, { name: whom, picture });
    this.#panel.show(this.#strings, this.#options);
    for (const view of [this.#bubble, this.#panel]) {
      view.element.lang = language === "zh" ? "zh-CN" : "en";
      view.element.dir = "ltr"; // the widget's own words, also on a page that is not
    }
  }

  /** The visitor pressed "talk to a person". */
  #wantPerson() {
    if (this.#options.handoverUrl) this.#handOver("visitor");
    else this.ask(this.#strings.say("askPerson"));
  }

  /** @param {"visitor" | "called" | "nobody"} reason */
  #handOver(reason) {
    if (!this.#dispatch("handover", { reason, messages: this.messages })) return;
    const { handoverUrl } = this.#options;
    const key = reason === "called" ? "personCalled" : handoverUrl ? "personHere" : "personNobody";
    this.#panel.tellOfPerson(this.#strings.say(key), handoverUrl);
  }

  /**
   * @param {string} name
   * @param {object} detail
   * @returns {boolean} whether nobody cancelled it
   */
  #dispatch(name, detail) {
    const how = { detail, bubbles: true, composed: true, cancelable: name === "handover" };
    return this.dispatchEvent(new CustomEvent(`likeness-${name}`, how));
  }
}
