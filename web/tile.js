import { copy, find, say, shape, showState } from "./dom.js";

/** @typedef {import("./cameras.js").Info} Info */

/** A small live picture, for one that glances at it. */
const FPS = 2;

/** The button of one camera: its picture, name and state. It watches only while it is told that it can be seen. */
export class Tile {
  #engine;
  #texts;
  #stream;
  #camera;
  #watching = false;

  /** @param {string} camera id @param {import("./engine.js").Engine} engine @param {import("./i18n.js").Texts} texts */
  constructor(camera, engine, texts) {
    this.#camera = camera;
    this.#engine = engine;
    this.#texts = texts;
    this.element = copy("tile");
    this.element.dataset.camera = camera;
    this.#stream = engine.attach(find(this.element, "canvas"));
  }

  get stream() {
    return this.#stream;
  }

  /** @param {Info} info */
  update(info) {
    this.element.dataset.state = info.state;
    say(find(this.element, ".tile-name"), info.name || info.id);
    this.element.title = info.error ? `${info.name || info.id}: ${info.error}` : "";
    showState(find(this.element, ".state"), info.state, this.#texts.state(info.state));
    shape(find(this.element, ".tile-empty"), info.state);
  }

  /** @param {boolean} visible */
  see(visible) {
    if (visible === this.#watching) return;
    this.#watching = visible;
    if (visible) this.#engine.watch(this.#stream, this.#camera, "sub", FPS);
    else this.#engine.unwatch(this.#stream);
  }

  /** @param {import("./painter.js").Figures} figures */
  picture(figures) {
    this.element.dataset.picture = figures.notLive || figures.ageMs > 3000 ? "old" : "live";
  }

  /** @param {number} number 1 to 9, 0 for none */
  key(number) {
    const badge = find(this.element, ".tile-key");
    badge.hidden = !number;
    say(badge, number ? String(number) : "");
    if (number) this.element.setAttribute("aria-keyshortcuts", String(number));
    else this.element.removeAttribute("aria-keyshortcuts");
  }

  /** @param {boolean} chosen */
  choose(chosen) {
    this.element.setAttribute("aria-pressed", String(chosen));
  }

  /** @param {boolean} alarmed */
  alarm(alarmed) {
    this.element.toggleAttribute("data-alarm", alarmed);
  }

  remove() {
    this.#engine.detach(this.#stream);
    this.element.remove();
  }
}
