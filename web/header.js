import { find, say, shape } from "./dom.js";

/** What the page says of itself as a whole: the connection, how many cameras are live, the time, and the window's title. */
export class Header {
  #page;
  #texts;
  #sign;

  /** @param {Document} page @param {import("./i18n.js").Texts} texts */
  constructor(page, texts) {
    this.#page = page;
    this.#texts = texts;
    this.#sign = find(page, "[data-connection]");
  }

  /** @param {"connecting"|"open"|"lost"} state @returns {boolean} whether that is news */
  connection(state) {
    const sign = this.#sign;
    if (state === "connecting" && sign.dataset.connection === "lost") return false; // still lost, until it stands again
    sign.dataset.connection = state;
    shape(find(sign, "svg"), { open: "live", lost: "lost", connecting: "starting" }[state]);
    const words = /** @type {const} */ ({ open: "connected", lost: "lost", connecting: "connecting" });
    say(find(sign, "#connection-word"), this.#texts.get(words[state]));
    if (state !== "open") say(find(sign, "#connection-delay"), "");
    this.#page.body.toggleAttribute("data-lost", state === "lost");
    return true;
  }

  /** @param {number} ms to the server and back */
  delay(ms) {
    say(find(this.#sign, "#connection-delay"), `${Math.max(1, Math.round(ms))} ms`);
  }

  /** @param {number} live @param {number} all */
  count(live, all) {
    say(find(this.#page, "#count"), all ? this.#texts.get("live_count", { live, all }) : "");
  }

  /** @param {string} camera its name, "" for none @param {boolean} alarmed some camera has an alarm */
  title(camera, alarmed) {
    const title = (alarmed ? "⚠ " : "") + (camera ? `${camera} · ` : "") + this.#texts.get("title");
    if (this.#page.title !== title) this.#page.title = title;
  }

  /** @param {boolean} following @param {boolean} drives a click switches the room for everyone */
  mode(following, drives) {
    const button = find(this.#page, "[data-action=follow]");
    button.setAttribute("aria-checked", String(following));
    button.title = this.#texts.get(!following ? "own_hint" : drives ? "follow_hint" : "follow_only_hint");
  }

  /** Who has logged in, here and in the settings. @param {import("./session.js").Info} info */
  account({ name = "", role, limited, via }) {
    const word = this.#texts.role(role);
    const button = find(this.#page, ".me");
    say(find(button, ".me-name"), name);
    say(find(button, ".me-role"), word);
    button.title = this.#texts.get("account_label", { name, role: word });
    button.setAttribute("aria-label", button.title);
    say(find(this.#page, "#account-name"), name);
    say(find(this.#page, "#account-role"), limited ? this.#texts.get("account_limited", { role: word }) : word);
    find(this.#page, "[data-action=logout]").hidden = via !== "session"; // whom a proxy has let in, it lets in again
  }

  /** Call it once a second. */
  tick() {
    say(find(this.#page, "#clock"), new Date().toLocaleTimeString(this.#texts.language, { hour12: false }));
  }
}
