import { find, say } from "./dom.js";

/** Says that the configuration file has mistakes and is not in force, for as long as that is so. */
export class ConfigNotice {
  #root;
  #texts;

  /**
   * @param {HTMLElement} root
   * @param {import("./i18n.js").Texts} texts
   */
  constructor(root, texts) {
    this.#root = root;
    this.#texts = texts;
  }

  /** @param {{error?: string, failed?: string}|undefined} config how its last reading went: a line for each mistake */
  show(config) {
    const error = config?.error ?? "";
    this.#root.hidden = !error;
    if (!error) return;
    const time = new Date(config?.failed ?? "").toLocaleTimeString(this.#texts.language, { hour12: false });
    say(find(this.#root, "#config-title"), this.#texts.get("config_mistakes", { time }));
    say(find(this.#root, "#config-mistakes"), error);
  }
}
