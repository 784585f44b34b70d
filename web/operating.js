import { find } from "./dom.js";
import { Drawer } from "./drawer.js";
import { Orders } from "./orders.js";
import { Retry } from "./retry.js";
import { copyPicture, save } from "./snapshot.js";

/**
 * What an operator does with the camera on the stage: restart, stop and start it, save or copy its picture, look at its details,
 * see when it is tried again. Every method is for a key as well as for a button.
 */
export class Operating {
  #page;
  #cameras;
  #messages;
  #texts;
  #camera = "";
  #orders;
  #drawer;
  #retry;

  /**
   * @param {Document} page
   * @param {import("./cameras.js").Cameras} cameras
   * @param {import("./engine.js").Engine} engine
   * @param {import("./messages.js").Messages} messages
   * @param {import("./i18n.js").Texts} texts
   * @param {import("./confirm.js").Confirm} confirm
   */
  constructor(page, cameras, engine, messages, texts, confirm) {
    this.#page = page;
    this.#cameras = cameras;
    this.#messages = messages;
    this.#texts = texts;
    this.#orders = new Orders(cameras, messages, texts, confirm);
    this.#drawer = new Drawer(find(page, ".desk"), cameras, messages, texts, (open) => {
      find(page, "[data-action=details]").setAttribute("aria-expanded", String(open));
      find(page, ".desk").toggleAttribute("data-details", open);
      find(page, ".side").inert = open; // it is under the drawer
    });
    this.#retry = new Retry(find(page, "#stage-retry"), cameras, texts);
    cameras.addEventListener("list", () => this.#render());
    cameras.addEventListener("status", (event) => {
      if (/** @type {CustomEvent} */ (event).detail.id === this.#camera) this.#render();
    });
    engine.addEventListener("delay", (event) => (this.#retry.ahead = /** @type {CustomEvent} */ (event).detail.ahead ?? 0));
  }

  /** Which camera all this is about. @param {string} camera */
  show(camera) {
    this.#camera = camera;
    this.#drawer.show(camera);
    this.#retry.show(camera);
    this.#render();
  }

  restart() {
    return this.#orders.give("restart", this.#camera);
  }

  /** Starts a camera that is stopped, and stops any other. */
  stopOrStart() {
    return this.#orders.give(this.#stopped ? "start" : "stop", this.#camera);
  }

  /** Closes the drawer: the camera that it is about is not to be seen any more. */
  away() {
    this.#drawer.close();
  }

  /** Opens the drawer, or closes it. */
  details() {
    if (this.#page.fullscreenElement) void this.#page.exitFullscreen().catch(() => {}); // in which there is no room for it
    this.#drawer.toggle(find(this.#page, "[data-action=details]"));
  }

  /** Saves the picture as a file. */
  async snapshot() {
    if (!this.#cameras.get(this.#camera)) return;
    const camera = this.#cameras.name(this.#camera);
    try {
      this.#messages.add(this.#texts.get("snapshot_saved", { file: await save(this.#camera) }), "good");
    } catch (error) {
      this.#messages.add(this.#texts.get("snapshot_failed", { camera, why: this.#texts.why(error) }), "bad");
    }
  }

  /** Puts the picture into the clipboard; the click or key that asks for it must be under way. */
  async copy() {
    if (!this.#cameras.get(this.#camera)) return;
    const camera = this.#cameras.name(this.#camera);
    const t = this.#texts;
    try {
      if (await copyPicture(this.#camera)) this.#messages.add(t.get("op_copied", { camera }), "good");
      else this.#messages.add(t.get("op_not_copied", { camera, why: t.get("op_copy_unsafe") }), "bad");
    } catch (error) {
      const why = /** @type {Error} */ (error).name === "NotAllowedError" ? t.get("op_copy_forbidden") : t.why(error);
      this.#messages.add(t.get("op_not_copied", { camera, why }), "bad");
    }
  }

  get #stopped() {
    return this.#cameras.get(this.#camera)?.state === "stopped";
  }

  /** One button stops or starts, so that the focus stays where it is when the state changes. */
  #render() {
    const known = this.#cameras.get(this.#camera) !== undefined;
    const button = find(this.#page, "#stop-or-start");
    const [action, label] = this.#stopped ? ["start", this.#texts.get("op_start_label")] : ["stop", this.#texts.get("op_stop_label")];
    button.dataset.action = action;
    button.title = label;
    button.setAttribute("aria-label", label);
    const use = find(button, "use");
    if (use.getAttribute("href") !== `#icon-${action}`) use.setAttribute("href", `#icon-${action}`);
    for (const other of [button, find(this.#page, "[data-action=copy]")]) other.disabled = !known;
    this.#retry.render();
  }
}
