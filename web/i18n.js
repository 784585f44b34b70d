import { en } from "./text-en.js";
import { zh } from "./text-zh.js";
import { duration } from "./units.js";

/** @typedef {keyof typeof en} Key */

/** Every text that the page shows, by language. */
export const tables = { en, zh };

/** @param {string} wanted as in navigator.language @returns {"en"|"zh"} */
export function language(wanted) {
  return /^zh\b/i.test(wanted) ? "zh" : "en";
}

/** Texts in one language. */
export class Texts {
  #table;

  /** @param {string} wanted as in navigator.language */
  constructor(wanted) {
    this.language = language(wanted);
    this.#table = tables[this.language];
  }

  /**
   * @param {Key} key
   * @param {Record<string, string|number>} [values] for the {names} in the text
   */
  get(key, values = {}) {
    return this.#table[key].replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));
  }

  /** A state in words; one that this page does not know yet is shown as it came. @param {string} state */
  state(state) {
    const key = /** @type {Key} */ (`state_${state}`);
    return Object.hasOwn(this.#table, key) ? this.#table[key] : state;
  }

  /** What a state means, in a sentence; "" for one that is not known. @param {string} state */
  meaning(state) {
    const key = /** @type {Key} */ (`meaning_${state}`);
    return Object.hasOwn(this.#table, key) ? this.#table[key] : "";
  }

  /** What somebody may do in a word; one that this page does not know yet is shown as it came. @param {string|undefined} role */
  role(role = "") {
    const key = /** @type {Key} */ (`role_${role}`);
    return Object.hasOwn(this.#table, key) ? this.#table[key] : role;
  }

  /** Why a call to the server failed, for people. @param {unknown} error */
  why(error) {
    const { name, message, code } = /** @type {Error & {code?: string}} */ (error);
    if (code === "forbidden") return this.get("forbidden");
    if (code === "login_required") return this.get("login_first");
    // What the browser itself says of a server that does not answer is in its own words, often no sentence at all.
    return ["TypeError", "TimeoutError", "AbortError"].includes(name) ? this.get("no_connection") : message;
  }

  /** A length of time, for people. @param {number|null|undefined} ms */
  duration(ms) {
    const { unit_ms, unit_s, unit_min, unit_h } = this.#table;
    return duration(ms, { ms: unit_ms, s: unit_s, min: unit_min, h: unit_h });
  }

  /** A length of time in whole seconds, for people. @param {number} ms */
  seconds(ms) {
    return this.duration(Math.max(1, Math.round(ms / 1000)) * 1000).replace(".0 ", " ");
  }

  /** Fills in the texts that markup asks for with data-text, data-label and data-hint, templates included. @param {ParentNode} part */
  fill(part) {
    if (part instanceof Document) part.documentElement.lang = this.language === "zh" ? "zh-CN" : "en";
    const roots = [part, ...[...part.querySelectorAll("template")].map((template) => template.content)];
    for (const root of roots) {
      for (const element of root.querySelectorAll("[data-text]")) {
        element.textContent = this.get(/** @type {Key} */ (element.getAttribute("data-text")));
      }
      for (const element of root.querySelectorAll("[data-hint]")) {
        element.setAttribute("placeholder", this.get(/** @type {Key} */ (element.getAttribute("data-hint"))));
      }
      for (const element of root.querySelectorAll("[data-label]")) {
        const text = this.get(/** @type {Key} */ (element.getAttribute("data-label")));
        element.setAttribute("aria-label", text);
        if (element.tagName === "BUTTON") element.setAttribute("title", text);
      }
    }
  }
}
