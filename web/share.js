import * as api from "./api.js";
import { closable } from "./dialogs.js";
import { copyField, find, say } from "./dom.js";

/** The dialog that makes links to one camera's pictures, which are good for a while without a login. */
export class Share {
  #dialog;
  #cameras;
  #texts;
  #camera = "";

  /** @param {HTMLDialogElement} dialog @param {import("./cameras.js").Cameras} cameras @param {import("./i18n.js").Texts} texts */
  constructor(dialog, cameras, texts) {
    this.#dialog = dialog;
    this.#cameras = cameras;
    this.#texts = texts;
    closable(dialog);
    find(dialog, "form").addEventListener("submit", (/** @type {Event} */ event) => {
      event.preventDefault();
      void this.#make();
    });
    for (const button of dialog.querySelectorAll("[data-copy]")) {
      button.addEventListener("click", () => void this.#copy(/** @type {HTMLElement} */ (button).dataset.copy ?? ""));
    }
    dialog.addEventListener("keydown", (event) => event.stopPropagation()); // the page's keys rest meanwhile
    dialog.addEventListener("close", () => this.#forget());
  }

  /** @param {string} camera */
  open(camera) {
    if (!this.#cameras.get(camera) || this.#dialog.open) return;
    this.#camera = camera;
    say(find(this.#dialog, "#share-title"), this.#texts.get("share_title", { camera: this.#cameras.name(camera) }));
    this.#forget();
    this.#dialog.showModal();
  }

  #forget() {
    find(this.#dialog, "#share-made").hidden = true;
    for (const field of this.#dialog.querySelectorAll("input")) field.value = "";
    this.#say("");
  }

  /** @param {string} text */
  #say(text) {
    say(find(this.#dialog, "#share-said"), text);
  }

  async #make() {
    const camera = this.#camera;
    try {
      const { stream, snapshot, expires } = await api.link(camera, Number(find(this.#dialog, "select").value));
      if (camera !== this.#camera) return;
      find(this.#dialog, "#share-stream").value = new URL(stream, document.baseURI).href;
      find(this.#dialog, "#share-snapshot").value = new URL(snapshot, document.baseURI).href;
      find(this.#dialog, "#share-made").hidden = false;
      const time = new Date(expires).toLocaleString(this.#texts.language, { dateStyle: "medium", timeStyle: "short", hour12: false });
      this.#say(this.#texts.get("share_until", { time }));
      await this.#copy("share-stream", time);
    } catch (error) {
      this.#say(this.#texts.get("share_failed", { why: this.#texts.why(error) }));
    }
  }

  /** @param {string} id of the field @param {string} [until] said as well */
  async #copy(id, until = "") {
    const copied = await copyField(find(this.#dialog, `#${id}`));
    const t = this.#texts;
    this.#say([until && t.get("share_until", { time: until }), t.get(copied ? "copied" : "copy_by_hand")].filter(Boolean).join(" "));
  }
}
