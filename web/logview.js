import { find, say } from "./dom.js";
import { LogFollow } from "./logfollow.js";
import { LogLines, MOST_LINES, parseLine } from "./loglines.js";
import { stamp } from "./units.js";

/** Lines are put into the page at most so often, ms. */
const EVERY_MS = 150;
/** This near to the end counts as at the end, px. */
const NEAR = 12;
/** A file's address stays good for so long after the click, ms. */
const RELEASE_MS = 30_000;

/** The log of one camera: it follows the end unless scrolled up or paused, and can be filtered, copied and saved. */
export class LogView {
  #root;
  #list;
  #messages;
  #texts;
  #lines = new LogLines();
  /** @type {LogFollow|null} */ #follow = null;
  #camera = "";
  #timer = 0;
  #drawn = 0; // so many of all that came are in the page, or were
  #paused = false;
  #atEnd = true;

  /** @param {HTMLElement} root @param {import("./messages.js").Messages} messages @param {import("./i18n.js").Texts} texts */
  constructor(root, messages, texts) {
    this.#root = root;
    this.#messages = messages;
    this.#texts = texts;
    this.#list = find(root, ".log-lines");
    const on = (/** @type {string} */ name, /** @type {() => void} */ act) => find(root, `[data-log=${name}]`).addEventListener("click", act);
    on("pause", () => this.#pause(!this.#paused));
    on("copy", () => void this.#copy());
    on("save", () => this.#save());
    on("end", () => this.#toEnd());
    find(root, "[data-log=filter]").addEventListener("input", () => this.#again());
    this.#list.addEventListener("scroll", () => this.#scrolled());
  }

  /** @param {string} camera */
  show(camera) {
    if (camera === this.#camera) return;
    this.hide();
    this.#camera = camera;
    if (!camera) return;
    find(this.#root, "[data-log=filter]").placeholder = this.#texts.get("op_log_filter");
    this.#follow = new LogFollow(camera, {
      began: () => {
        this.#lines.clear();
        this.#status("");
        this.#again();
      },
      lines: (lines) => {
        this.#lines.add(lines);
        this.#soon();
      },
      lost: (error) => this.#status(this.#texts.get("op_log_lost", { why: this.#texts.why(error) })),
    });
  }

  hide() {
    this.#follow?.close();
    this.#follow = null;
    this.#camera = "";
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#lines.clear();
    this.#status("");
    this.#pause(false);
    this.#again();
  }

  /** @param {string} text */
  #status(text) {
    say(find(this.#root, ".log-status"), text);
  }

  get #filter() {
    return /** @type {HTMLInputElement} */ (find(this.#root, "[data-log=filter]")).value;
  }

  /** All that is kept, from the start. */
  #again() {
    this.#list.replaceChildren();
    this.#drawn = 0;
    this.#atEnd = true;
    this.#draw();
  }

  #soon() {
    if (!this.#timer) this.#timer = setTimeout(() => this.#draw(), EVERY_MS);
  }

  #draw() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    if (this.#paused) return this.#count();
    const lines = this.#lines.matching(this.#filter, this.#drawn);
    this.#drawn = this.#lines.total;
    this.#list.append(...lines.map((line) => this.#line(line)));
    while (this.#list.childElementCount > MOST_LINES) this.#list.firstElementChild?.remove();
    if (this.#atEnd) this.#list.scrollTop = this.#list.scrollHeight;
    this.#count();
  }

  /** @param {string} line */
  #line(line) {
    const { time, level, text } = parseLine(line);
    const element = document.createElement("div");
    element.className = "log-line";
    element.dataset.level = level;
    const part = (/** @type {string} */ name, /** @type {string} */ words) => {
      const span = element.appendChild(document.createElement("span"));
      span.className = name;
      say(span, words);
    };
    if (time) {
      element.title = time.toLocaleString(this.#texts.language, { hour12: false });
      part("log-time", time.toLocaleTimeString(this.#texts.language, { hour12: false }));
      part("log-level", level);
    }
    part("log-text", text);
    return element;
  }

  /** What is said where there is nothing to see, and what waits. */
  #count() {
    const waiting = this.#paused ? this.#lines.total - this.#drawn : 0;
    const button = find(this.#root, "[data-log=pause]");
    const word = this.#texts.get(this.#paused ? "op_log_resume" : "op_log_pause");
    say(button, waiting ? `${word} (${waiting})` : word);
    button.setAttribute("aria-pressed", String(this.#paused));
    const empty = find(this.#root, ".log-empty");
    empty.hidden = this.#list.childElementCount > 0;
    say(empty, this.#texts.get(this.#filter && this.#lines.total ? "op_log_no_match" : "op_log_empty"));
    find(this.#root, "[data-log=end]").hidden = this.#atEnd;
  }

  /** @param {boolean} paused */
  #pause(paused) {
    this.#paused = paused;
    this.#draw();
  }

  #scrolled() {
    const { scrollHeight, scrollTop, clientHeight } = this.#list;
    this.#atEnd = scrollHeight - scrollTop - clientHeight < NEAR;
    find(this.#root, "[data-log=end]").hidden = this.#atEnd;
  }

  #toEnd() {
    this.#list.scrollTop = this.#list.scrollHeight;
    this.#list.focus({ preventScroll: true });
  }

  /** What the filter lets through, as the server wrote it. */
  #text() {
    return this.#lines.matching(this.#filter).map((line) => `${line}\n`).join("");
  }

  async #copy() {
    const count = this.#lines.matching(this.#filter).length;
    try {
      if (!navigator.clipboard) throw new Error(this.#texts.get("op_copy_unsafe"));
      await navigator.clipboard.writeText(this.#text());
      this.#messages.add(this.#texts.get("op_log_copied", { count }), "good");
    } catch (error) {
      this.#messages.add(this.#texts.get("op_log_not_copied", { why: this.#texts.why(error) }), "bad");
    }
  }

  #save() {
    const address = URL.createObjectURL(new Blob([this.#text()], { type: "text/plain" }));
    const anchor = document.createElement("a");
    anchor.href = address;
    anchor.download = `${this.#camera}_${stamp(new Date())}.log`;
    anchor.click();
    setTimeout(() => URL.revokeObjectURL(address), RELEASE_MS);
  }
}
