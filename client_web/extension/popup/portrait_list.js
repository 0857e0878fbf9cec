/** @import { Identity, Server } from "./server.js" */

/** The portraits of the server, one of which is the user's choice. */
export class PortraitList {
  #list;
  #onChoose;

  /**
   * @param {HTMLElement} list
   * @param {(identity: string) => void} onChoose
   */
  constructor(list, onChoose) {
    this.#list = list;
    this.#onChoose = onChoose;
  }

  /**
   * @param {Identity[]} identities
   * @param {string} chosen
   * @param {Server} server
   */
  show(identities, chosen, server) {
    this.#list.replaceChildren(
      ...identities.map((identity) => this.#portrait(identity, identity.identity_id === chosen, server)),
    );
  }

  /**
   * @param {Identity} identity
   * @param {boolean} isChosen
   * @param {Server} server
   */
  #portrait({ identity_id, name }, isChosen, server) {
    const label = document.createElement("label");
    label.className = "portrait";
    label.title = name;
    const radio = document.createElement("input");
    Object.assign(radio, { type: "radio", name: "portrait", className: "unseen", value: identity_id });
    radio.checked = isChosen;
    radio.onchange = () => this.#onChoose(identity_id);
    const picture = new Image();
    picture.alt = "";
    server.preview(identity_id).then((blob) => (picture.src = URL.createObjectURL(blob)), () => {});
    const caption = document.createElement("span");
    caption.textContent = name;
    label.append(radio, picture, caption);
    return label;
  }
}
