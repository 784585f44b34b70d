import { copy, find, say, shape, showState } from "./dom.js";

/** @typedef {import("./cameras.js").Info} Info */
/** @typedef {{rendition: "main"|"sub"|"auto", fps: number}} Ask */

/** The button of one camera: its picture, name and state. It watches only while it is told that it can be seen. */
export class Tile {
  #engine;
  #texts;
  #camera;
  #stream = 0;
  /** @type {Ask} */ #ask = { rendition: "sub", fps: 2 };
  #watching = false;
  #taken = 0; // Date.now() at which the picture was taken that is old now, 0 while it is live

  /** When it was last told to be seen or not, performance.now(). */
  turned = 0;
  /** Its canvas may hold a whole picture, not a small one. */
  large = false;

  /** @param {string} camera id @param {import("./engine.js").Engine} engine @param {import("./i18n.js").Texts} texts */
  constructor(camera, engine, texts) {
    this.#camera = camera;
    this.#engine = engine;
    this.#texts = texts;
    this.element = copy("tile");
    this.element.dataset.camera = camera;
  }

  /** The number of its stream, 0 for none. */
  get stream() {
    return this.#stream;
  }

  get watching() {
    return this.#watching;
  }

  /** @param {Info} info */
  update(info) {
    this.element.dataset.state = info.state;
    say(find(this.element, ".tile-name"), info.name || info.id);
    this.element.title = info.error ? `${info.name || info.id}: ${info.error}` : "";
    showState(find(this.element, ".state"), info.state, this.#texts.state(info.state));
    shape(find(this.element, ".tile-empty"), info.state);
  }

  /** How much of the picture can be seen. @param {Ask} ask */
  want(ask) {
    if (ask.rendition === this.#ask.rendition && ask.fps === this.#ask.fps) return;
    this.#ask = ask;
    if (this.#watching) this.#watch();
  }

  /** @param {boolean} visible */
  see(visible) {
    if (visible === this.#watching) return;
    this.#watching = visible;
    this.turned = performance.now();
    if (!visible) return this.#engine.unwatch(this.#stream);
    this.#stream ||= this.#engine.attach(find(this.element, "canvas"));
    this.#watch();
  }

  #watch() {
    this.large = this.#ask.rendition !== "sub";
    this.#engine.watch(this.#stream, this.#camera, this.#ask.rendition, this.#ask.fps);
  }

  /** Gives its picture back, which may be large; the next time that it is seen it gets a new one. */
  release() {
    if (!this.#stream) return;
    this.#engine.detach(this.#stream);
    this.#stream = 0;
    this.#watching = this.large = false;
    const old = find(this.element, "canvas");
    old.replaceWith(old.cloneNode());
    delete this.element.dataset.picture;
    this.#taken = 0;
    this.tick();
  }

  /** @param {import("./painter.js").Figures} figures */
  picture(figures) {
    const old = figures.notLive || figures.ageMs > 3000;
    this.element.dataset.picture = old ? "old" : "live";
    this.#taken = old ? Date.now() - figures.ageMs : 0;
    this.tick();
  }

  /** Says how old the picture is; call it once a second. */
  tick() {
    const age = find(this.element, ".tile-age");
    age.hidden = !this.#taken;
    if (this.#taken) say(age, this.#texts.seconds(Date.now() - this.#taken));
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
    if (alarmed) this.element.setAttribute("aria-description", this.#texts.get("alarm"));
    else this.element.removeAttribute("aria-description");
  }

  remove() {
    this.release();
    this.element.remove();
  }
}
