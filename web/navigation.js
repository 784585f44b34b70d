import { hashOf, viewOf } from "./address.js";

/** @typedef {import("./address.js").View} View */
/** @typedef {import("./address.js").Wall} Wall */

/** The wall before any was chosen. @type {Wall} */
const WALL = { kind: "wall", tiles: 9, group: "", page: 0, every: 0 };

/** What the page shows, as the address bar holds it. Event: "view". */
export class Navigation extends EventTarget {
  /** @type {View} */ #view;
  #following;
  #wall = WALL;
  #wallSeen = false;

  constructor() {
    super();
    this.#view = viewOf(location.hash);
    this.#following = this.#remembered();
    this.#note();
    for (const type of ["popstate", "hashchange"]) addEventListener(type, () => this.#arrived());
  }

  get view() {
    return this.#view;
  }

  /** The stage follows the room. */
  get following() {
    return this.#following;
  }

  /** The wall that is shown, or was shown last. */
  get wall() {
    return this.#wall;
  }

  /** There is a wall to go back to. */
  get wallSeen() {
    return this.#wallSeen;
  }

  get walled() {
    return this.#view.kind === "wall";
  }

  /** @param {View} view @param {boolean} following @param {boolean} [replace] without a step for the browser's way back */
  go(view, following, replace = false) {
    const address = location.pathname + location.search + hashOf(view);
    const state = { following };
    if (replace || address === location.pathname + location.search + location.hash) history.replaceState(state, "", address);
    else history.pushState(state, "", address);
    this.#set(view, following);
  }

  #arrived() {
    const view = viewOf(location.hash);
    const following = this.#remembered();
    if (hashOf(view) !== hashOf(this.#view) || following !== this.#following) this.#set(view, following);
  }

  /** A wall can be looked at while the stage behind it follows; only the history knows. */
  #remembered() {
    const { kind } = viewOf(location.hash);
    return kind === "wall" ? Boolean(history.state?.following) : kind === "room";
  }

  /** @param {View} view @param {boolean} following */
  #set(view, following) {
    this.#view = view;
    this.#following = following;
    this.#note();
    this.dispatchEvent(new CustomEvent("view"));
  }

  #note() {
    if (this.#view.kind !== "wall") return;
    this.#wall = this.#view;
    this.#wallSeen = true;
  }
}
