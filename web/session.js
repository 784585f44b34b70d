import * as api from "./api.js";
import { Backoff } from "./backoff.js";

/**
 * @typedef {object} Info what GET api/v1/session answers
 * @property {boolean} required somebody has to log in
 * @property {string} [name] who has, "" for nobody
 * @property {string} [role] viewer, operator or admin
 * @property {boolean} [limited] to some cameras
 * @property {string} [via] how it was proved: session, proxy and others
 * @property {string} [expires] RFC 3339
 * @property {boolean} [password] a login by password is possible
 * @property {string} [oidc] what the button for a login by OpenID Connect says, "" where there is none
 * @property {string} [refused] why somebody who is known is not let in
 */

/** @typedef {"operate"|"administer"|"login"|"access"} Need what markup asks for with data-needs, and keys with needs */

/** A page that is open asks for its session at least and at most so often, ms. */
const RENEW = { least: 30_000, most: 24 * 3600_000 };

/** @param {Info} info */
export function loginNeeded({ required, name }) {
  return required && !name;
}

/**
 * What the page offers. The server decides what is done; who is limited to some cameras administers none.
 * @param {Info} info
 * @returns {Set<Need>}
 */
export function offers({ required, role, limited }) {
  if (!required) return new Set(["operate", "administer"]);
  /** @type {Set<Need>} */
  const all = new Set(["login"]);
  if (role === "operator" || role === "admin") all.add("operate");
  if (role === "admin" && !limited) all.add("administer").add("access");
  return all;
}

/** Whether both are the same person with the same rights. @param {Info} a @param {Info} b */
export function same(a, b) {
  const key = (/** @type {Info} */ { required, name = "", role = "", limited = false }) => JSON.stringify([required, name, role, limited]);
  return key(a) === key(b);
}

/**
 * When to ask again, so that a login which the server renews after half of its time never ends under a page that is open.
 * @param {Info} info @param {number} now ms since 1970
 * @returns {number} ms
 */
export function renewIn({ expires }, now) {
  const left = Date.parse(expires ?? "") - now;
  return Number.isNaN(left) ? RENEW.most : Math.min(RENEW.most, Math.max(RENEW.least, left / 2));
}

/** Asks until the server answers. @returns {Promise<Info>} */
export async function answered() {
  const backoff = new Backoff(500, 5000);
  for (;;) {
    const info = await api.session().catch(() => null);
    if (info) return info;
    await new Promise((resolve) => setTimeout(resolve, backoff.next()));
  }
}

/** Tells the other tabs of this page that somebody has logged in or out. */
export class Tabs {
  #channel = new BroadcastChannel(`linkstart ${new URL(".", document.baseURI).pathname}`);

  /** @param {() => void} changed another tab says so */
  constructor(changed) {
    this.#channel.onmessage = changed;
  }

  tell() {
    this.#channel.postMessage("session");
  }

  close() {
    this.#channel.close();
  }
}

/**
 * Who this page is for. It keeps the login from ending while the page is open. Where the login is over, or is another one, what is
 * seen goes and the page begins anew.
 */
export class Session {
  #info;
  #offers;
  #tabs = new Tabs(() => void this.check());
  /** @type {ReturnType<typeof setTimeout>|undefined} */ #timer;

  /** @param {Info} info as the server has just said it */
  constructor(info) {
    this.#info = info;
    this.#offers = offers(info);
    document.body.dataset.offers = [...this.#offers].join(" "); // styles hide what needs more
    api.refusals.addEventListener("login", () => void this.check());
    this.#later();
  }

  get info() {
    return this.#info;
  }

  /** @param {Need|undefined} need */
  offers(need) {
    return need === undefined || this.#offers.has(need);
  }

  /** The login may be over, or another one: the server tells. One that does not answer now is asked by whatever asks next. */
  async check() {
    const info = await api.session().catch(() => null);
    if (info) this.#judge(info);
  }

  /** The server greets who it takes this page for: while the connection was away that may have changed. @param {{name?: string, role?: string}} [user] */
  greeted({ name, role } = {}) {
    if (name !== this.#info.name || role !== this.#info.role) void this.check();
  }

  /** The server has said that this login counts no more: nothing is seen until it says otherwise. */
  async doubt() {
    this.#hide(true);
    this.#judge(await answered());
  }

  /** Other cameras may be seen than before, or other things be done. */
  async anew() {
    this.#hide(true);
    await answered(); // what cannot be fetched would leave a page of the browser's own
    location.reload();
  }

  /** Throws where the server does not answer. */
  async logout() {
    await api.logout();
    this.#tabs.tell();
    await this.anew();
  }

  /** @param {Info} info */
  #judge(info) {
    const stays = same(info, this.#info);
    this.#hide(!stays);
    if (!stays) return location.reload();
    this.#info = info;
    this.#later();
  }

  #later() {
    clearTimeout(this.#timer);
    if (this.#info.required) this.#timer = setTimeout(() => void this.#renew(), renewIn(this.#info, Date.now()));
  }

  async #renew() {
    this.#later();
    await this.check();
  }

  /** @param {boolean} hidden nobody sees anything of the page any more, also not in a window of its own */
  #hide(hidden) {
    document.body.toggleAttribute("data-away", hidden);
    if (hidden && document.pictureInPictureElement) void document.exitPictureInPicture().catch(() => {}); // it may have gone meanwhile
  }
}
