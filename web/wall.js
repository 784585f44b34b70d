import { copy, find, say } from "./dom.js";
import { Drag } from "./drag.js";
import { ask, columns } from "./grid.js";
import { Tile } from "./tile.js";

/** Keys that move from tile to tile, by how far. */
const STEPS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
/** So many tiles keep their picture; of more, those that were longest out of sight give theirs back. */
const KEPT = 96;
/** And so many of those that were large: a whole picture takes 8 MB. */
const KEPT_LARGE = 8;

/**
 * @typedef {object} Acts
 * @property {(camera: string, event: Event) => void} pick a tile was chosen
 * @property {() => void} fill two clicks: the screen
 * @property {(id: string, to: string) => void} move a tile was taken to the place of another one
 */

/** Tiles: a list by group beside the stage, a wall of so many, or all by group. Only those that can be seen cost anything. */
export class Wall {
  #root;
  #cameras;
  #engine;
  #texts;
  #acts;
  /** @type {Map<string, Tile>} */ #tiles = new Map();
  /** @type {Map<number, Tile>} */ #streams = new Map();
  /** @type {import("./cameras.js").Info[]} */ #listed = [];
  #observer;
  #chosen = "";
  /** @type {Set<string>} */ #alarmed = new Set();
  #count = 0; // tiles that share the height there is; 0: as many as there are, one below the other

  /**
   * @param {HTMLElement} root
   * @param {import("./cameras.js").Cameras} cameras
   * @param {import("./engine.js").Engine} engine
   * @param {import("./i18n.js").Texts} texts
   * @param {Acts} acts
   */
  constructor(root, cameras, engine, texts, acts) {
    this.#root = root;
    this.#cameras = cameras;
    this.#engine = engine;
    this.#texts = texts;
    this.#acts = acts;
    this.#observer = new IntersectionObserver((entries) => this.#seen(entries), { root: null, rootMargin: "80px" });
    new ResizeObserver(() => this.#fit()).observe(root); // lives as long as the page
    const drag = new Drag(root, acts.move);
    root.addEventListener("click", (event) => {
      const tile = /** @type {HTMLElement} */ (event.target).closest?.("[data-camera]");
      if (!tile || drag.dragged) return;
      if (event.detail > 1) acts.fill(); // whichever tile lies there since the first click
      else acts.pick(/** @type {HTMLElement} */ (tile).dataset.camera ?? "", event);
    });
    root.addEventListener("keydown", (event) => this.#move(event));
    cameras.addEventListener("status", (event) => {
      const info = /** @type {CustomEvent} */ (event).detail;
      this.#tiles.get(info.id)?.update(info);
    });
    const picture = (/** @type {any} */ { detail }) => this.#streams.get(detail.figures.stream)?.picture(detail.figures);
    engine.addEventListener("shown", picture);
    engine.addEventListener("figures", picture);
  }

  /**
   * Shows these cameras: tiles that stay keep their picture.
   * @param {import("./cameras.js").Info[]} infos
   * @param {number} count tiles that share the height there is, 0 for a list by group
   * @param {string} note what to say where there are none
   */
  show(infos, count, note) {
    this.#listed = infos;
    this.#count = count;
    // Those that are not listed any more are told by the observer, which tells nothing of a tile that is back before it has looked.
    for (const [id, tile] of this.#tiles) if (!this.#cameras.get(id)) this.#remove(id, tile);
    this.#keepingPlace(() => {
      const groups = count ? new Map([["", infos]]) : this.#cameras.groups(infos);
      const sections = [...groups].map(([name, members]) => this.#section(name, members, groups.size < 2 && !name));
      this.#root.toggleAttribute("data-grid", count > 0);
      this.#root.replaceChildren(...(infos.length ? sections : [this.#note(note)]));
    });
    infos.forEach((info, i) => this.#tiles.get(info.id)?.key(i < 9 ? i + 1 : 0));
    this.#mark();
    this.#fit();
    this.#release();
  }

  /** @param {string} camera */
  choose(camera) {
    if (camera === this.#chosen) return;
    this.#chosen = camera;
    this.#mark();
    const element = this.#tiles.get(camera)?.element;
    if (element?.isConnected) element.scrollIntoView({ block: "nearest", inline: "nearest" });
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

  /** Keeps the ages of old pictures true; call it once a second. */
  tick() {
    for (const { id } of this.#listed) this.#tiles.get(id)?.tick();
  }

  /** Tiles share the room there is, and ask for no more than can be seen of them. */
  #fit() {
    if (this.#count) {
      const { clientWidth, clientHeight } = this.#root;
      const across = columns(this.#count, clientWidth, clientHeight);
      this.#root.style.setProperty("--columns", String(across));
      this.#root.style.setProperty("--rows", String(Math.ceil(this.#count / across)));
    }
    const width = this.#tiles.get(this.#listed[0]?.id ?? "")?.element.clientWidth ?? 0;
    if (!width) return;
    const wanted = ask(width, devicePixelRatio);
    for (const tile of this.#tiles.values()) tile.want(wanted);
  }

  /** Moving elements takes the focus and the place in the list away: both are put back. @param {() => void} move */
  #keepingPlace(move) {
    const focused = this.#root.contains(document.activeElement) ? document.activeElement : null;
    const scrolled = this.#root.scrollTop;
    move();
    this.#root.scrollTop = scrolled;
    // Where the tile that had the focus is on another page, the first one of this page takes it.
    const to = focused?.isConnected ? focused : focused && this.#tiles.get(this.#listed[0]?.id ?? "")?.element;
    if (to instanceof HTMLElement) to.focus({ preventScroll: true });
  }

  /** Back from the stage: on with the tile that led there. */
  focus() {
    const element = this.#tiles.get(this.#chosen)?.element;
    if (element?.isConnected) element.focus({ preventScroll: true });
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

  /** @param {string} text */
  #note(text) {
    const note = document.createElement("p");
    note.className = "wall-note";
    say(note, text);
    return note;
  }

  /** @param {import("./cameras.js").Info} info */
  #tile(info) {
    let tile = this.#tiles.get(info.id);
    if (!tile) {
      tile = new Tile(info.id, this.#engine, this.#texts);
      this.#tiles.set(info.id, tile);
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
      const tile = this.#tiles.get(/** @type {HTMLElement} */ (target).dataset.camera ?? "");
      if (!tile) continue;
      tile.see(isIntersecting && target.isConnected);
      if (tile.stream) this.#streams.set(tile.stream, tile);
    }
    this.#release();
  }

  /** Pictures that nobody sees are kept, but not of a thousand cameras. */
  #release() {
    const holding = [...this.#tiles.values()].filter((tile) => tile.stream);
    const spare = holding.filter((tile) => !tile.watching).sort((a, b) => a.turned - b.turned);
    const large = spare.filter((tile) => tile.large);
    const gone = new Set([...spare.slice(0, Math.max(0, holding.length - KEPT)), ...large.slice(0, Math.max(0, large.length - KEPT_LARGE))]);
    for (const tile of gone) {
      this.#streams.delete(tile.stream);
      tile.release();
    }
  }

  /** The wall is one stop of the Tab key; arrows move within it. @param {Tile} [stop] */
  #rove(stop) {
    const first = stop?.element.isConnected ? stop : this.#tiles.get(this.#listed[0]?.id ?? "");
    for (const tile of this.#tiles.values()) tile.element.tabIndex = tile === first ? 0 : -1;
  }

  /** @param {KeyboardEvent} event */
  #move(event) {
    const ids = this.#listed.map((info) => info.id);
    const at = ids.indexOf(/** @type {HTMLElement} */ (document.activeElement)?.dataset.camera ?? "");
    if (at < 0 || event.ctrlKey || event.metaKey) return;
    const tiles = ids.map((id) => /** @type {Tile} */ (this.#tiles.get(id)));
    const across = Math.max(1, tiles.filter((tile) => tile.element.offsetTop === tiles[at].element.offsetTop).length);
    const upright = event.key === "ArrowUp" || event.key === "ArrowDown";
    const step = (STEPS[/** @type {keyof typeof STEPS} */ (event.key)] ?? 0) * (upright ? across : 1);
    const to = event.key === "Home" ? 0 : event.key === "End" ? ids.length - 1 : step ? at + step : -1;
    const tile = tiles[to];
    if (!tile) return;
    event.preventDefault();
    event.stopPropagation();
    if (event.altKey) return this.#acts.move(ids[at], ids[to]);
    this.#rove(tile);
    tile.element.focus();
  }
}
