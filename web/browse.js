import { WALLS } from "./address.js";
import { find, say } from "./dom.js";

/**
 * Chooses which cameras' tiles are shown: those of a group, those that match what was typed, and on a wall a page of them.
 */
export class Browse {
  #root;
  #cameras;
  #wall;
  #navigation;
  #texts;
  #group = ""; // beside the stage; a wall's is in its address
  #turn = 0;
  #every = 0;
  #pages = 1;

  /**
   * @param {Document} root
   * @param {import("./cameras.js").Cameras} cameras
   * @param {import("./wall.js").Wall} wall
   * @param {import("./navigation.js").Navigation} navigation
   * @param {import("./i18n.js").Texts} texts
   */
  constructor(root, cameras, wall, navigation, texts) {
    this.#root = root;
    this.#cameras = cameras;
    this.#wall = wall;
    this.#navigation = navigation;
    this.#texts = texts;
    this.#group = navigation.wall.group;
    for (const button of root.querySelectorAll("#views button")) {
      button.addEventListener("click", () => this.tiles(/** @type {HTMLElement} */ (button).dataset.view ?? ""));
      const count = Number(/** @type {HTMLElement} */ (button).dataset.view);
      if (count) button.setAttribute("aria-label", texts.get("view_wall", { count }));
    }
    this.#select.addEventListener("change", () => this.group(this.#select.value));
    this.#search.addEventListener("input", () => this.render());
    cameras.addEventListener("list", () => this.render());
    navigation.addEventListener("view", () => this.render());
  }

  /** @returns {HTMLSelectElement} */
  get #select() {
    return find(this.#root, "#which-group");
  }

  /** @returns {HTMLInputElement} */
  get #search() {
    return find(this.#root, "#search");
  }

  /** The cameras that can be turned to, in the order in which they are shown. */
  get listed() {
    const group = this.#navigation.walled ? this.#navigation.wall.group : this.#group;
    const words = this.#search.value.toLowerCase().split(/\s+/).filter(Boolean);
    return this.#cameras.list().filter((info) => {
      if (group && (info.group ?? "") !== group) return false;
      const text = `${info.name} ${info.id} ${info.group ?? ""} ${info.node ?? ""}`.toLowerCase();
      return words.every((word) => text.includes(word));
    });
  }

  /** The cameras whose tiles are shown. */
  get shown() {
    const { walled, wall } = this.#navigation;
    const listed = this.listed;
    if (!walled || !wall.tiles) return listed;
    const page = Math.min(wall.page, this.#pages - 1);
    return listed.slice(page * wall.tiles, (page + 1) * wall.tiles);
  }

  /** @param {string} view "stage", or a wall's number of tiles */
  tiles(view) {
    const { wall, following } = this.#navigation;
    if (view === "stage") return this.stage();
    const tiles = Number(view);
    // The first tile of the page stays in sight.
    const page = tiles ? Math.floor((wall.page * (wall.tiles || tiles)) / tiles) : 0;
    this.#navigation.go({ ...wall, kind: "wall", tiles, group: this.#group, page, every: tiles === wall.tiles ? wall.every : 0 }, following);
  }

  /** To the stage. @param {string} [own] the camera where the page does not follow the room; without one, the first */
  stage(own) {
    const { following, walled } = this.#navigation;
    const camera = own ?? this.shown[0]?.id ?? "";
    if (!walled && own === undefined) return;
    this.#navigation.go(following || !camera ? { kind: "room" } : { kind: "camera", camera }, following || !camera);
  }

  /** The next larger wall, and from the largest the smallest. */
  larger() {
    const { wall, walled } = this.#navigation;
    this.tiles(String(walled ? WALLS[(WALLS.indexOf(wall.tiles) + 1) % WALLS.length] : wall.tiles));
  }

  /** @param {string} group "" for all */
  group(group) {
    const { wall, following, walled } = this.#navigation;
    this.#group = group;
    if (walled) this.#navigation.go({ ...wall, group, page: 0 }, following, true);
    else this.render();
  }

  /** All groups one after the other, then all cameras. */
  nextGroup() {
    const names = ["", ...this.#cameras.groupNames()];
    this.group(names[(names.indexOf(this.#select.value) + 1) % names.length]);
  }

  /** @param {number} step pages; behind the last comes the first */
  page(step) {
    const { wall, following, walled } = this.#navigation;
    if (!walled || this.#pages < 2) return;
    this.#schedule(0); // who turns a page by hand has all the time for it
    const page = (Math.min(wall.page, this.#pages - 1) + step + this.#pages) % this.#pages;
    this.#navigation.go({ ...wall, page }, following, true);
  }

  render() {
    const { wall, walled } = this.#navigation;
    if (walled) this.#group = wall.group;
    const listed = this.listed;
    this.#pages = walled && wall.tiles ? Math.max(1, Math.ceil(listed.length / wall.tiles)) : 1;
    this.#groups();
    const page = find(this.#root, "#pages");
    page.hidden = this.#pages < 2;
    say(find(page, "#page"), this.#texts.get("page", { page: Math.min(wall.page, this.#pages - 1) + 1, pages: this.#pages }));
    for (const button of this.#root.querySelectorAll("#views button")) {
      const { view } = /** @type {HTMLElement} */ (button).dataset;
      button.setAttribute("aria-pressed", String(walled ? view === String(wall.tiles) : view === "stage"));
    }
    const none = this.#cameras.list().length ? this.#texts.get("nothing_found") : `${this.#texts.get("no_cameras")}. ${this.#texts.get("no_cameras_hint")}`;
    const count = this.#pages > 1 ? wall.tiles : Math.min(wall.tiles, listed.length); // the last page looks like the others
    this.#wall.show(this.shown, walled ? count : 0, none);
    this.#schedule(walled ? wall.every : 0);
  }

  #groups() {
    const select = this.#select;
    const names = this.#cameras.groupNames();
    const options = [["", this.#texts.get("group_all")], ...names.map((name) => [name, name])];
    if (this.#group && !names.includes(this.#group)) options.push([this.#group, this.#group]); // it may come yet
    select.hidden = options.length < 3;
    const known = [...select.options].map((option) => option.value).join("\n");
    if (known !== options.map(([value]) => value).join("\n")) {
      select.replaceChildren(...options.map(([value, text]) => new Option(text, value)));
    }
    select.value = this.#group;
  }

  /** Turns the pages of a wall that asks for it; not where nobody looks. @param {number} every s, 0 for never */
  #schedule(every) {
    if (every === this.#every) return;
    this.#every = every;
    clearInterval(this.#turn);
    if (every) this.#turn = setInterval(() => document.visibilityState === "visible" && this.page(1), every * 1000);
  }
}
