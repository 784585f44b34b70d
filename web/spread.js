/** The session's figures are over so many of the newest values. */
export const KEPT = 100;

/** The newest values of one figure, and how they spread. */
export class Spread {
  /** @type {number[]} */ #values = [];

  /** @param {number} value */
  add(value) {
    this.#values.push(value);
    if (this.#values.length > KEPT) this.#values.shift();
  }

  /**
   * @param {number} share 0.5 for the median, 0.95 for the value that 95 of 100 do not exceed
   * @returns {number|null} one of the values (nearest rank), null without any
   */
  at(share) {
    const sorted = [...this.#values].sort((a, b) => a - b);
    return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? null;
  }
}
