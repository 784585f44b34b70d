/** Figures are taken over so many ms. */
const WINDOW_MS = 2000;

/**
 * @typedef {object} Measured
 * @property {number} fps drawn; falls as soon as a picture is overdue, 0 before two have come in rhythm
 * @property {number|null} decodeMs mean from the start of a decode to its end, null without a picture
 * @property {number|null} drawMs mean of the call that draws; what the browser's compositor does later is not in it
 */

/** What the drawing of one stream yields and costs, over the last two seconds. Times are performance.now(). */
export class Meter {
  /** @type {{at: number, decodeMs: number, drawMs: number, beat: boolean}[]} */ #drawn = [];

  /**
   * Another picture is drawn. The first one of a camera comes at once, out of the rhythm: it counts for the costs only.
   * @param {number} at @param {number} decodeMs @param {number} drawMs @param {boolean} first of its camera
   */
  note(at, decodeMs, drawMs, first) {
    if (first) this.#drawn = [];
    this.#drawn.push({ at, decodeMs, drawMs, beat: !first });
    this.#forget(at);
  }

  /** @param {number} now @returns {Measured} */
  figures(now) {
    this.#forget(now);
    return { fps: this.#rate(now), decodeMs: this.#mean("decodeMs"), drawMs: this.#mean("drawMs") };
  }

  /** @param {number} now */
  #forget(now) {
    while (this.#drawn.length && now - this.#drawn[0].at > WINDOW_MS) this.#drawn.shift();
  }

  /** @param {number} now */
  #rate(now) {
    const from = this.#drawn[0]?.beat ? 0 : 1;
    const intervals = this.#drawn.length - 1 - from;
    if (intervals < 1) return 0;
    const last = this.#drawn[this.#drawn.length - 1].at;
    const span = last - this.#drawn[from].at;
    const overdue = Math.max(0, now - last - span / intervals);
    return (intervals * 1000) / (span + overdue);
  }

  /** @param {"decodeMs"|"drawMs"} cost */
  #mean(cost) {
    const count = this.#drawn.length;
    return count ? this.#drawn.reduce((sum, entry) => sum + entry[cost], 0) / count : null;
  }
}
