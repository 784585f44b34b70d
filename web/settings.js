/**
 * What this browser remembers of its user's wishes. Where it may not remember anything (private windows, full storage) they last as
 * long as the page.
 */

const KEY = "linkstart";

/**
 * @typedef {object} Wishes
 * @property {""|"en"|"zh"} lang "" as the browser says
 * @property {""|"dark"|"light"} theme "" as the system says
 * @property {"fit"|"fill"} fit
 * @property {boolean} keys single keys do something
 * @property {string[]} order of cameras, by id; empty: the server's
 */

/** @type {Wishes} */
const DEFAULTS = { lang: "", theme: "", fit: "fit", keys: true, order: [] };

/** Event: "change", after a wish has changed here. */
export class Settings extends EventTarget {
  /** @type {Wishes} */ #wishes;
  #overrides;

  /** @param {Partial<Wishes>} [overrides] what the address bar wants: counts, but is not remembered */
  constructor(overrides = {}) {
    super();
    this.#overrides = overrides;
    this.#wishes = { ...DEFAULTS, ...valid(read()) };
  }

  /** @template {keyof Wishes} K @param {K} key @returns {Wishes[K]} */
  get(key) {
    return /** @type {Wishes[K]} */ (this.#overrides[key] ?? this.#wishes[key]);
  }

  /** @template {keyof Wishes} K @param {K} key @param {Wishes[K]} value */
  set(key, value) {
    delete this.#overrides[key];
    this.#wishes = { ...this.#wishes, [key]: value };
    try {
      localStorage.setItem(KEY, JSON.stringify(this.#wishes));
    } catch {
      // then for this page only
    }
    this.dispatchEvent(new CustomEvent("change", { detail: key }));
  }
}

function read() {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? "{}");
  } catch {
    return {};
  }
}

/** What was remembered may be of another version of this page. @param {any} stored @returns {Partial<Wishes>} */
export function valid(stored) {
  /** @type {Partial<Wishes>} */
  const good = {};
  if (["en", "zh"].includes(stored?.lang)) good.lang = stored.lang;
  if (["dark", "light"].includes(stored?.theme)) good.theme = stored.theme;
  if (["fit", "fill"].includes(stored?.fit)) good.fit = stored.fit;
  if (typeof stored?.keys === "boolean") good.keys = stored.keys;
  if (Array.isArray(stored?.order)) good.order = stored.order.filter((/** @type {unknown} */ id) => typeof id === "string");
  return good;
}
