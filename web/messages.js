import { copy, find, say } from "./dom.js";

/** At most so many at a time: the oldest gives way. */
const MOST = 4;

/** @typedef {"info"|"good"|"bad"} Tone */

/** One short text over the stage, which goes by itself or is dismissed. */
class Message {
  #timer = 0;

  constructor() {
    this.element = copy("message");
    find(this.element, ".message-dismiss").addEventListener("click", () => this.close());
  }

  /** @param {string} text @param {Tone} tone @param {number} ms until it goes, 0: stays */
  set(text, tone, ms) {
    say(find(this.element, ".message-text"), text);
    this.element.dataset.tone = tone;
    clearTimeout(this.#timer);
    if (ms) this.#timer = setTimeout(() => this.close(), ms);
  }

  /** @param {{text: string, done: boolean}[]} steps */
  steps(steps) {
    const list = find(this.element, ".steps");
    list.hidden = false;
    list.replaceChildren(...steps.map(({ text, done }) => {
      const item = document.createElement("li");
      item.toggleAttribute("data-done", done);
      say(item, text);
      return item;
    }));
  }

  close() {
    clearTimeout(this.#timer);
    this.element.remove();
  }
}

/** The short texts over the stage. */
export class Messages {
  #root;

  /** @param {HTMLElement} root */
  constructor(root) {
    this.#root = root;
  }

  /** @param {string} text @param {Tone} tone @param {number} [ms] */
  add(text, tone, ms = tone === "bad" ? 12_000 : 5000) {
    const message = new Message();
    message.set(text, tone, ms);
    this.#root.append(message.element);
    while (this.#root.childElementCount > MOST) this.#root.firstElementChild?.remove();
    return message;
  }
}
