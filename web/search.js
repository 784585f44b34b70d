import * as api from "./api.js";
import { find, say } from "./dom.js";

/** A little longer than the server searches, ms. */
const SEARCH_MS = 15_000;

/** The part of a dialog that searches the network for cameras and lists them to choose from. */
export class Search {
  #part;
  #texts;
  #choose;
  /** @type {AbortController|null} */ #search = null;

  /**
   * @param {HTMLElement} part with a button, a line of text and a list
   * @param {import("./i18n.js").Texts} texts
   * @param {(found: api.Found) => void} choose
   */
  constructor(part, texts, choose) {
    this.#part = part;
    this.#texts = texts;
    this.#choose = choose;
    find(part, "button").addEventListener("click", () => this.#run());
    this.clear();
  }

  /** Ends a search and forgets what was found. */
  clear() {
    this.#search?.abort();
    this.#search = null;
    this.#show("", []);
  }

  /** @param {string} text @param {api.Found[]} found */
  #show(text, found) {
    const button = find(this.#part, "button");
    button.disabled = Boolean(this.#search);
    say(button, this.#texts.get("add_search"));
    say(find(this.#part, "p"), text);
    const list = find(this.#part, "ul");
    list.replaceChildren(...found.map((one) => this.#entry(one)));
    list.hidden = found.length === 0;
  }

  /** One of them as a button. What it says of itself is text and nothing else. @param {api.Found} found */
  #entry(found) {
    const item = document.createElement("li");
    const button = document.createElement("button");
    button.type = "button";
    const name = document.createElement("b");
    name.textContent = found.name || found.hardware || found.address;
    const detail = document.createElement("span");
    const known = found.camera && this.#texts.get("add_search_known", { camera: found.camera });
    detail.textContent = [found.address, found.hardware !== found.name && found.hardware, found.location, known].filter(Boolean).join(" · ");
    button.append(name, detail);
    button.addEventListener("click", () => this.#choose(found));
    item.append(button);
    return item;
  }

  async #run() {
    const search = new AbortController();
    this.#search = search;
    this.#show(this.#texts.get("add_search_busy"), []);
    const timer = setTimeout(() => search.abort(new DOMException("", "TimeoutError")), SEARCH_MS);
    /** @type {[string, api.Found[]]} */ let outcome;
    try {
      const found = await api.discover(search.signal);
      outcome = [this.#texts.get(found.length ? "add_search_found" : "add_search_none", { count: found.length }), found];
    } catch (error) {
      outcome = [this.#texts.why(error), []];
    } finally {
      clearTimeout(timer);
    }
    if (this.#search !== search) return; // the dialog was closed meanwhile
    this.#search = null;
    this.#show(...outcome);
  }
}
