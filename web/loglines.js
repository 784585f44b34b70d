/** So many lines are kept. */
export const MOST_LINES = 2000;
/** A line that does not end is cut there. */
const MOST_CHARACTERS = 8192;

/** Makes lines of text that comes in pieces. */
export class LineSplitter {
  #rest = "";

  /** @param {string} piece @returns {string[]} the lines that it completes */
  push(piece) {
    const lines = (this.#rest + piece).split("\n");
    this.#rest = (lines.pop() ?? "").slice(0, MOST_CHARACTERS);
    return lines.map((line) => line.slice(0, MOST_CHARACTERS).replace(/\r$/, ""));
  }
}

/** The newest lines of a log. */
export class LogLines {
  /** @type {string[]} */ #lines = [];
  /** How many have come in all. */ total = 0;

  /** @param {string[]} lines */
  add(lines) {
    this.total += lines.length;
    this.#lines.push(...lines.slice(-MOST_LINES));
    if (this.#lines.length > MOST_LINES) this.#lines.splice(0, this.#lines.length - MOST_LINES);
  }

  clear() {
    this.#lines = [];
    this.total = 0;
  }

  /**
   * @param {string} filter all of whose words a line has, in whatever case
   * @param {number} [from] only what came after so many lines
   */
  matching(filter, from = 0) {
    const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
    const lines = this.#lines.slice(Math.max(0, this.#lines.length - (this.total - from)));
    if (!words.length) return lines;
    return lines.filter((line) => {
      const text = line.toLowerCase();
      return words.every((word) => text.includes(word));
    });
  }
}

/**
 * @param {string} line as the server writes it: time, level, message
 * @returns {{time: Date|null, level: ""|"DEBUG"|"INFO"|"WARN"|"ERROR", text: string}} a line of another form is all text
 */
export function parseLine(line) {
  const [, at, level, text] = /^(\d{4}-\d\d-\d\dT\S+) (DEBUG|INFO|WARN|ERROR)(?:[+-]\d+)? (.*)$/s.exec(line) ?? [];
  const time = new Date(at ?? "");
  if (Number.isNaN(time.getTime())) return { time: null, level: "", text: line };
  return { time, level: /** @type {"INFO"} */ (level), text };
}
