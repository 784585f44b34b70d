import { say } from "./dom.js";

/** States in which something is tried again. */
const RETRIED = ["reconnecting", "crash_loop"];

/**
 * @param {{state: string, retry_at?: string}|undefined} info
 * @param {number} now ms since 1970 by the server's clock
 * @returns {number|null} whole seconds until the next try, 0 while it is made, null where none is known of
 */
export function secondsLeft(info, now) {
  if (!info || !RETRIED.includes(info.state) || !info.retry_at) return null;
  const at = Date.parse(info.retry_at);
  return Number.isNaN(at) ? null : Math.max(0, Math.ceil((at - now) / 1000));
}

/** Counts down to the next try of a camera that is away. It is read when asked for, not spoken each second. */
export class Retry {
  #element;
  #cameras;
  #texts;
  #camera = "";
  /** @type {ReturnType<typeof setTimeout>|undefined} */ #timer;
  /** How far the server's clock is ahead of ours, ms. */ ahead = 0;

  /** @param {HTMLElement} element @param {import("./cameras.js").Cameras} cameras @param {import("./i18n.js").Texts} texts */
  constructor(element, cameras, texts) {
    this.#element = element;
    this.#cameras = cameras;
    this.#texts = texts;
  }

  /** @param {string} camera */
  show(camera) {
    this.#camera = camera;
    this.render();
  }

  /** Goes on by itself while there is something to count. */
  render() {
    clearTimeout(this.#timer);
    const now = Date.now() + this.ahead;
    const info = this.#cameras.get(this.#camera);
    const left = secondsLeft(info, now);
    this.#element.hidden = left === null;
    say(this.#element, left === null ? "" : this.#words(left));
    if (left) this.#timer = setTimeout(() => this.render(), ((Date.parse(info?.retry_at ?? "") - now - 1) % 1000) + 2);
  }

  /** @param {number} left s */
  #words(left) {
    if (left === 0) return this.#texts.get("op_retry_now");
    const time = left < 60 ? `${left} ${this.#texts.get("unit_s")}` : this.#texts.duration(left * 1000);
    return this.#texts.get("op_retry_in", { time });
  }
}
