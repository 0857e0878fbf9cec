/** @import { Enrolment } from "../likeness/enrolment.js" */
/** @import { Messages } from "../page/messages.js" */

const LATE_PART = 0.85; // of the progress, when only the last steps are left

/**
 * @typedef {object} PortraitListener
 * @property {(identity: string) => void} onReady a photo has become a portrait
 * @property {() => void} onUseYours
 * @property {() => void} onUseDefault
 * @property {() => Promise<void>} onDelete
 * @property {(error: unknown) => string} explain an error in plain words
 */

/** From a photo to a portrait: choosing, progress, errors, and the way back. */
export class PortraitDialog {
  #elements;
  #enrolment;
  #messages;
  #listener;
  #visitor;
  /** @type {AbortController | null} */
  #work = null;
  /** @type {File | null} */
  #waiting = null; // for the visitor's agreement

  /**
   * @param {{dialog: HTMLDialogElement, well: HTMLElement, photo: HTMLImageElement,
   *     progress: HTMLElement, bar: HTMLProgressElement, progressText: HTMLElement,
   *     problem: HTMLElement, choices: HTMLElement, hint: HTMLElement, agreement: HTMLElement, agree: HTMLInputElement,
   *     cancel: HTMLButtonElement, files: HTMLInputElement[], yours: HTMLElement, yoursPhoto: HTMLImageElement,
   *     useYours: HTMLButtonElement, useDefault: HTMLButtonElement,
   *     remove: HTMLButtonElement}} elements
   * @param {Enrolment} enrolment
   * @param {string} visitor who agrees to what is made here
   * @param {Messages} messages
   * @param {PortraitListener} listener
   */
  constructor(elements, enrolment, visitor, messages, listener) {
    this.#elements = elements;
    this.#enrolment = enrolment;
    this.#visitor = visitor;
    this.#messages = messages;
    this.#listener = listener;
    for (const input of elements.files) {
      input.addEventListener("change", () => {
        const file = input.files?.[0];
        input.value = ""; // so that the same file may be chosen again
        if (file) this.enrol(file);
      });
    }
    elements.cancel.addEventListener("click", () => this.#work?.abort());
    elements.dialog.addEventListener("close", () => this.#close());
    elements.agree.addEventListener("change", () => {
      if (elements.agree.checked && this.#waiting) this.enrol(this.#waiting);
    });
    elements.useYours.addEventListener("click", () => this.#leave(listener.onUseYours));
    elements.useDefault.addEventListener("click", () => this.#leave(listener.onUseDefault));
    elements.remove.addEventListener("click", () => this.#remove());
  }

  /**
   * @param {string | null} previewUrl of the visitor's own portrait
   * @param {boolean} shown whether it is the one on the stage
   */
  describeOwn(previewUrl, shown) {
    const { yours, yoursPhoto, useYours, useDefault } = this.#elements;
    yours.hidden = previewUrl === null;
    if (previewUrl) yoursPhoto.src = previewUrl;
    useYours.hidden = shown;
    useDefault.hidden = !shown;
  }

  open() {
    if (!this.#elements.dialog.open) this.#elements.dialog.showModal();
    if (!this.#work) this.#show(null);
  }

  /**
   * Make a portrait of this photo; one at a time, the newest counts.
   * @param {File} file
   */
  async enrol(file) {
    this.#work?.abort();
    this.open();
    if (file.type && !file.type.startsWith("image/")) {
      this.#elements.problem.textContent = this.#messages.say("notPicture");
      return;
    }
    this.#waiting = this.#elements.agree.checked ? null : file;
    if (this.#waiting) {
      this.#askAbout(file);
      return;
    }
    const work = new AbortController();
    this.#work = work;
    const url = URL.createObjectURL(file);
    this.#show(url);
    try {
      const consent = { statement: this.#messages.say("agree"), by: this.#visitor };
      const tell = (/** @type {number} */ part) => this.#progress(part);
      const identity = await this.#enrolment.enrol(file, consent, tell, work.signal);
      if (work !== this.#work) return;
      this.#work = null; // before the dialog closes, which would abort it
      this.#elements.dialog.close();
      this.#listener.onReady(identity);
    } catch (error) {
      if (work !== this.#work) return;
      this.#show(null);
      if (!work.signal.aborted) this.#elements.problem.textContent = this.#listener.explain(error);
    } finally {
      URL.revokeObjectURL(url);
      if (work === this.#work) this.#work = null;
    }
  }

  /** @param {File} file shown while the visitor has not agreed to its use */
  #askAbout(file) {
    const { photo, problem, agree } = this.#elements;
    const url = URL.createObjectURL(file);
    photo.onload = photo.onerror = () => URL.revokeObjectURL(url);
    photo.src = url;
    photo.hidden = false;
    problem.textContent = this.#messages.say("agreeFirst");
    agree.focus();
  }

  /** @param {string | null} photoUrl of the photo at work; null when none is */
  #show(photoUrl) {
    const { photo, progress, problem, choices, hint, agreement, cancel } = this.#elements;
    photo.hidden = photoUrl === null;
    if (photoUrl) photo.src = photoUrl;
    else photo.removeAttribute("src");
    progress.hidden = photoUrl === null;
    choices.hidden = photoUrl !== null;
    hint.hidden = photoUrl !== null;
    agreement.hidden = photoUrl !== null;
    cancel.hidden = photoUrl === null;
    problem.textContent = "";
    this.#progress(0);
  }

  /** @param {number} part 0 to 1 */
  #progress(part) {
    const { bar, progressText } = this.#elements;
    bar.value = Math.max(3, Math.round(100 * part));
    const key = part < 0.25 ? "uploading" : part < LATE_PART ? "enrolling" : "almost";
    const text = this.#messages.say(key);
    if (progressText.textContent !== text) progressText.textContent = text;
  }

  /** The next photo is agreed to anew. */
  #close() {
    this.#work?.abort();
    this.#waiting = null;
    this.#elements.agree.checked = false;
  }

  async #remove() {
    try {
      await this.#listener.onDelete();
      this.#elements.dialog.close();
    } catch (error) {
      this.#elements.problem.textContent = this.#listener.explain(error);
    }
  }

  /** @param {() => void} then */
  #leave(then) {
    this.#elements.dialog.close();
    then();
  }
}
