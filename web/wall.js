import { copy, find, say } from "./dom.js";
import { Tile } from "./tile.js";

/** Keys that move from tile to tile, by how far. */
const STEPS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

/** All tiles, by group. Only those that can be seen cost anything. */
export class Wall {
  #root;
  #cameras;
  #engine;
  #texts;
  /** @type {Map<string, Tile>} */ #tiles = new Map();
  /** @type {Map<number, Tile>} */ #streams = new Map();
  #observer;
  #chosen = "";
  /** @type {Set<string>} */ #alarmed = new Set();

  /**
   * @param {HTMLElement} root
   * @param {import("./cameras.js").Cameras} cameras
   * @param {import("./engine.js").Engine} engine
   * @param {import("./i18n.js").Texts} texts
   * @param {(camera: string, event: Event) => void} pick
   */
  constructor(root, cameras, engine, texts, pick) {
    this.#root = root;
    this.#cameras = cameras;
    this.#engine = engine;
    this.#texts = texts;
    this.#observer = new IntersectionObserver((entries) => this.#seen(entries), { root: null, rootMargin: "80px" });
    root.addEventListener("click", (event) => {
      const tile = /** @type {HTMLElement} */ (event.target).closest?.("[data-camera]");
      if (tile) pick(/** @type {HTMLElement} */ (tile).dataset.camera ?? "", event);
    });
    root.addEventListener("keydown", (event) => this.#move(event));
    cameras.addEventListener("list", () => this.#arrange());
    cameras.addEventListener("status", (event) => {
      const info = /** @type {CustomEvent} */ (event).detail;
      this.#tiles.get(info.id)?.update(info);
    });
    const picture = (/** @type {any} */ { detail }) => this.#streams.get(detail.figures.stream)?.picture(detail.figures);
    engine.addEventListener("shown", picture);
    engine.addEventListener("figures", picture);
  }

  /** @param {string} camera */
  choose(camera) {
    if (camera === this.#chosen) return;
    this.#chosen = camera;
    this.#mark();
    this.#tiles.get(camera)?.element.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  #mark() {
    for (const [id, tile] of this.#tiles) tile.choose(id === this.#chosen);
    this.#rove(this.#tiles.get(this.#chosen));
  }

  /** @param {Set<string>} cameras with an alarm */
  alarm(cameras) {
    this.#alarmed = cameras;
    for (const [id, tile] of this.#tiles) tile.alarm(cameras.has(id));
  }

  /** @param {"connecting"|"open"|"lost"} state */
  connection(state) {
    this.#root.toggleAttribute("data-stale", state === "lost");
  }

  /** Brings the tiles in line with the list: those that stay keep their picture. */
  #arrange() {
    for (const [id, tile] of this.#tiles) if (!this.#cameras.get(id)) this.#remove(id, tile);
    this.#keepingPlace(() => {
      const groups = this.#cameras.groups();
      const sections = [...groups].map(([name, infos]) => this.#section(name, infos, groups.size < 2 && !name));
      this.#root.replaceChildren(...(sections.length ? sections : [this.#note()]));
    });
    this.#cameras.list().forEach((info, i) => this.#tiles.get(info.id)?.key(i < 9 ? i + 1 : 0));
    this.#mark();
  }

  /** Moving elements takes the focus and the place in the list away: both are put back. @param {() => void} move */
  #keepingPlace(move) {
    const focused = this.#root.contains(document.activeElement) ? document.activeElement : null;
    const scrolled = this.#root.scrollTop;
    move();
    this.#root.scrollTop = scrolled;
    if (focused instanceof HTMLElement && focused.isConnected) focused.focus({ preventScroll: true });
  }

  /** @param {string} name of the group @param {import("./cameras.js").Info[]} infos @param {boolean} plain without a heading */
  #section(name, infos, plain) {
    const section = copy("group");
    const head = find(section, "h2");
    head.hidden = plain;
    say(head, name || this.#texts.get("ungrouped"));
    find(section, ".tiles").append(...infos.map((info) => this.#tile(info).element));
    return section;
  }

  #note() {
    const note = document.createElement("p");
    note.className = "wall-note";
    say(note, `${this.#texts.get("no_cameras")}. ${this.#texts.get("no_cameras_hint")}`);
    return note;
  }

  /** @param {import("./cameras.js").Info} info */
  #tile(info) {
    let tile = this.#tiles.get(info.id);
    if (!tile) {
      tile = new Tile(info.id, this.#engine, this.#texts);
      this.#tiles.set(info.id, tile);
      this.#streams.set(tile.stream, tile);
      this.#observer.observe(tile.element);
    }
    tile.update(info);
    tile.alarm(this.#alarmed.has(info.id));
    return tile;
  }

  /** @param {string} id @param {Tile} tile */
  #remove(id, tile) {
    this.#observer.unobserve(tile.element);
    this.#streams.delete(tile.stream);
    this.#tiles.delete(id);
    tile.remove();
  }

  /** @param {IntersectionObserverEntry[]} entries */
  #seen(entries) {
    for (const { target, isIntersecting } of entries) {
      this.#tiles.get(/** @type {HTMLElement} */ (target).dataset.camera ?? "")?.see(isIntersecting);
    }
  }

  /** The wall is one stop of the Tab key; arrows move within it. @param {Tile} [stop] */
  #rove(stop) {
    const first = stop ?? this.#tiles.get(this.#cameras.list()[0]?.id ?? "");
    for (const tile of this.#tiles.values()) tile.element.tabIndex = tile === first ? 0 : -1;
  }

  /** @param {KeyboardEvent} event */
  #move(event) {
    const ids = this.#cameras.list().map((info) => info.id);
    const at = ids.indexOf(/** @type {HTMLElement} */ (document.activeElement)?.dataset.camera ?? "");
    if (at < 0 || event.ctrlKey || event.altKey || event.metaKey) return;
    const step = STEPS[/** @type {keyof typeof STEPS} */ (event.key)];
    const to = event.key === "Home" ? 0 : event.key === "End" ? ids.length - 1 : step ? at + step : -1;
    const tile = this.#tiles.get(ids[to] ?? "");
    if (!tile) return;
    event.preventDefault();
    this.#rove(tile);
    tile.element.focus();
  }
}
