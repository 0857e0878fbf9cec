/** Photos that come by drag and drop anywhere on the page, or from the clipboard. */
export class PhotoDrop {
  #cover;
  #onPhoto;
  #depth = 0; // dragenter and dragleave also come for every element inside

  /**
   * @param {HTMLElement} cover shown while a file hovers over the page
   * @param {(file: File) => void} onPhoto
   */
  constructor(cover, onPhoto) {
    this.#cover = cover;
    this.#onPhoto = onPhoto;
    document.addEventListener("dragenter", (event) => this.#move(event, 1));
    document.addEventListener("dragleave", (event) => this.#move(event, -1));
    document.addEventListener("dragover", (event) => event.preventDefault());
    document.addEventListener("drop", (event) => this.#drop(event));
    document.addEventListener("paste", ({ clipboardData }) => {
      const file = clipboardData?.files[0];
      if (file?.type.startsWith("image/")) this.#onPhoto(file);
    });
  }

  /**
   * @param {DragEvent} event
   * @param {number} change
   */
  #move(event, change) {
    if (event.dataTransfer?.types.includes("Files")) this.#setDepth(this.#depth + change);
  }

  /** @param {DragEvent} event */
  #drop(event) {
    event.preventDefault(); // or the browser would leave the page for the file
    this.#setDepth(0);
    const file = event.dataTransfer?.files[0];
    if (file) this.#onPhoto(file);
  }

  /** @param {number} depth */
  #setDepth(depth) {
    this.#depth = Math.max(0, depth);
    this.#cover.hidden = this.#depth === 0;
  }
}
