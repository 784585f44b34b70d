import * as api from "./api.js";
import { copy, find, say } from "./dom.js";

/** So many are shown, the newest first. */
const NEWEST = 200;

/** @typedef {import("./i18n.js").Key} Key */

/** What is done, as the server names it. @type {Record<string, Key>} */
const ACTIONS = {
  login: "login", logout: "logout", restart: "op_restart", stop: "op_stop", start: "op_start", select: "deed_select",
  patrol: "room_patrol_start", "end patrol": "deed_end_patrol", "raise alarm": "deed_alarm", "acknowledge alarm": "acknowledge",
  "add camera": "add_camera", "test source": "deed_test", "search network": "add_search", reload: "deed_reload", "make token": "token_make",
  "revoke token": "deed_revoke_token", "make link": "share_make",
};

/** @param {string} action @param {import("./i18n.js").Texts} texts */
export function deedWord(action, texts) {
  return Object.hasOwn(ACTIONS, action) ? texts.get(ACTIONS[action]) : action;
}

/**
 * @param {string[]} texts of one line
 * @param {string} filter all of whose words the line has, in whatever case
 */
export function matches(texts, filter) {
  const text = texts.join(" ").toLowerCase();
  return filter.toLowerCase().split(/\s+/).every((word) => text.includes(word));
}

/** Who has done what. */
export class AuditLog {
  #root;
  #cameras;
  #texts;
  /** @type {api.Deed[]} the newest first */ #deeds = [];

  /** @param {HTMLElement} root @param {import("./cameras.js").Cameras} cameras @param {import("./i18n.js").Texts} texts */
  constructor(root, cameras, texts) {
    this.#root = root;
    this.#cameras = cameras;
    this.#texts = texts;
    this.#filter.addEventListener("input", () => this.#render());
    find(root, "#audit-anew").addEventListener("click", () => this.show());
  }

  /** @returns {HTMLInputElement} */
  get #filter() {
    return find(this.#root, "#audit-filter");
  }

  show() {
    void this.#fetch();
  }

  hide() {
    this.#deeds = [];
    find(this.#root, "#audit").replaceChildren();
  }

  async #fetch() {
    try {
      this.#deeds = (await api.audit(NEWEST)).reverse();
      this.#render();
    } catch (error) {
      say(find(this.#root, "#audit-note"), this.#texts.get("audit_unknown", { why: this.#texts.why(error) }));
    }
  }

  #render() {
    const lines = this.#deeds.map((deed) => this.#words(deed)).filter((words) => matches(Object.values(words), this.#filter.value));
    find(this.#root, "#audit").replaceChildren(...lines.map((words) => this.#item(words)));
    const none = this.#deeds.length ? "op_log_no_match" : "audit_none";
    say(find(this.#root, "#audit-note"), lines.length ? "" : this.#texts.get(none));
  }

  /** @param {api.Deed} deed */
  #words({ time, who = "", via = "", from = "", action, target = "", outcome }) {
    const t = this.#texts;
    return {
      time: new Date(time).toLocaleString(t.language, { dateStyle: "medium", timeStyle: "medium", hour12: false }),
      who: who || "–",
      how: [via, from].filter(Boolean).join(" · "),
      action: deedWord(action, t),
      target: this.#cameras.get(target) ? this.#cameras.name(target) : target,
      failed: outcome === "ok" ? "" : outcome,
    };
  }

  /** @param {Record<string, string>} words by the class of the element that takes them */
  #item(words) {
    const item = copy("deed");
    for (const [name, text] of Object.entries(words)) say(find(item, `.deed-${name}`), text);
    return item;
  }
}
