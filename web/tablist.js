import { find } from "./dom.js";

/** Tabs of which one is shown: #tab-NAME leads to #panel-NAME. The list is one stop of the Tab key; arrows move within it. */
export class TabList {
  #root;
  #names;
  #chosen;

  /** @param {HTMLElement} root @param {readonly string[]} names @param {(name: string) => void} chosen by its user */
  constructor(root, names, chosen) {
    this.#root = root;
    this.#names = names;
    this.#chosen = chosen;
    for (const name of names) this.#tab(name).addEventListener("click", () => chosen(name));
    find(root, "[role=tablist]").addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => this.#key(event));
  }

  /** @param {string} name */
  select(name) {
    for (const other of this.#names) {
      const tab = this.#tab(other);
      tab.setAttribute("aria-selected", String(other === name));
      tab.tabIndex = other === name ? 0 : -1;
      find(this.#root, `#panel-${other}`).hidden = other !== name;
    }
  }

  /** @param {string} name */
  focus(name) {
    this.#tab(name).focus({ preventScroll: true });
  }

  /** @param {string} name @returns {HTMLElement} */
  #tab(name) {
    return find(this.#root, `#tab-${name}`);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const names = this.#names.filter((name) => this.#tab(name).getClientRects().length); // not everybody is offered all
    const at = names.findIndex((name) => this.#tab(name) === event.target);
    const steps = /** @type {Record<string, number>} */ ({ ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: names.length - 1 });
    if (at < 0 || !(event.key in steps)) return;
    event.preventDefault();
    event.stopPropagation();
    const name = names[(steps[event.key] + names.length) % names.length];
    this.#chosen(name);
    this.focus(name);
  }
}
