import * as api from "./api.js";
import { find, say } from "./dom.js";
import { answered, loginNeeded, Tabs } from "./session.js";

/** Whether somebody was let in elsewhere is asked so often, ms: a screen on the wall has nobody to press a button. */
const EVERY_MS = 30_000;
/** Where the address waits while the browser is at the provider. */
const ADDRESS = "linkstart.address";

/** The view that stands before the page where somebody has to log in. */
export class Login {
  #root;
  #texts;
  #info;
  #busy = false;
  #wait = 0; // s until the server looks at another attempt
  /** @type {(info: import("./session.js").Info) => void} */ #let = () => {};
  #tabs = new Tabs(() => void this.#look());

  /** @param {HTMLElement} root @param {import("./i18n.js").Texts} texts @param {import("./session.js").Info} info */
  constructor(root, texts, info) {
    this.#root = root;
    this.#texts = texts;
    this.#info = info;
  }

  /** @returns {Promise<import("./session.js").Info>} once somebody is let in */
  async admitted() {
    const over = new AbortController();
    const { signal } = over;
    document.body.toggleAttribute("data-login", true);
    this.#root.hidden = false;
    this.#fill();
    find(this.#root, "form").addEventListener("submit", (/** @type {Event} */ event) => {
      event.preventDefault();
      void this.#submit();
    }, { signal });
    find(this.#root, "#login-reveal").addEventListener("click", () => this.#reveal(this.#password.type === "password"), { signal });
    find(this.#root, "#login-oidc").addEventListener("click", () => leave(), { signal });
    document.addEventListener("visibilitychange", () => document.hidden || void this.#look(), { signal });
    const timer = setInterval(() => void this.#look(), EVERY_MS);
    if (!matchMedia("(pointer: coarse)").matches) this.#name.focus(); // on a phone its keyboard would cover half of the view
    const info = await this.#someone();
    over.abort();
    clearInterval(timer);
    this.#tabs.close();
    find(this.#root, "form").reset(); // a password does not stay in the page
    this.#root.hidden = true;
    document.body.toggleAttribute("data-login", false);
    return info;
  }

  /** @returns {Promise<import("./session.js").Info>} */
  #someone() {
    return new Promise((resolve) => (this.#let = resolve));
  }

  /** @returns {HTMLInputElement} */
  get #name() {
    return find(this.#root, "#login-name");
  }

  /** @returns {HTMLInputElement} */
  get #password() {
    return find(this.#root, "#login-password");
  }

  #fill() {
    const { password, oidc, refused } = this.#info;
    find(this.#root, ".login-fields").hidden = !password;
    find(this.#root, ".login-or").hidden = !password || !oidc;
    const button = find(this.#root, "#login-oidc");
    button.hidden = !oidc;
    say(button, oidc ?? "");
    if (refused) this.#why(refused);
    else if (!password && !oidc) this.#why(this.#texts.get("login_elsewhere"));
  }

  /** @param {boolean} seen */
  #reveal(seen) {
    this.#password.type = seen ? "text" : "password";
    find(this.#root, "#login-reveal").setAttribute("aria-pressed", String(seen));
  }

  /** @param {string} text */
  #why(text) {
    say(find(this.#root, "#login-why"), text);
  }

  async #submit() {
    if (this.#busy || this.#wait) return;
    for (const field of [this.#name, this.#password]) if (!field.value) return field.focus();
    this.#busy = true;
    this.#why("");
    this.#buttons();
    try {
      await api.login(this.#name.value, this.#password.value);
      this.#reveal(false); // as a password it is offered to be kept
      this.#tabs.tell();
      this.#let(await answered());
    } catch (error) {
      this.#failed(error);
    } finally {
      this.#busy = false;
      this.#buttons();
    }
  }

  /** @param {any} error */
  #failed(error) {
    if (error.code === "too_many_logins") return this.#count(error.seconds);
    this.#why(error.code === "wrong_login" ? this.#texts.get("login_wrong") : this.#texts.why(error));
    this.#password.select();
    this.#password.focus();
  }

  /** Says how long to wait, once; the button counts down in silence. @param {number} seconds */
  #count(seconds) {
    this.#wait = Math.max(1, Math.ceil(seconds) || 1);
    this.#why(this.#texts.get("login_many", { time: this.#texts.seconds(this.#wait * 1000) }));
    const timer = setInterval(() => {
      this.#wait--;
      if (!this.#wait) {
        clearInterval(timer);
        this.#why("");
      }
      this.#buttons();
    }, 1000);
  }

  #buttons() {
    const button = find(this.#root, "#login-submit");
    button.disabled = this.#busy || this.#wait > 0;
    say(button, this.#wait ? this.#texts.get("login_wait", { time: this.#texts.seconds(this.#wait * 1000) }) : this.#texts.get("login"));
  }

  /** Somebody may have logged in in another tab, or a proxy has let him in. */
  async #look() {
    const info = await api.session().catch(() => null);
    if (info && !loginNeeded(info) && !info.refused) this.#let(info);
  }
}

/** To the provider, which leads back to the page, but not to the view of it. */
function leave() {
  try {
    sessionStorage.setItem(ADDRESS, location.search + location.hash);
  } catch {
    // then the page opens with its first view
  }
  location.assign("api/v1/session/oidc");
}

/** Back from the provider: the address is as it was. Call it before anything reads the address. */
export function returned() {
  try {
    const address = sessionStorage.getItem(ADDRESS);
    sessionStorage.removeItem(ADDRESS);
    if (address && !location.search && !location.hash) history.replaceState(null, "", location.pathname + address);
  } catch {
    // this browser keeps nothing
  }
}
