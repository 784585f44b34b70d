/** Waits between attempts to connect: short at first, doubling, never equal for two pages that lost the same server. */
export class Backoff {
  #first;
  #most;
  #random;
  #next;

  /**
   * @param {number} [first] ms before the first attempt
   * @param {number} [most] ms that a wait never exceeds
   * @param {() => number} [random] 0 ≤ x < 1
   */
  constructor(first = 250, most = 5000, random = Math.random) {
    this.#first = first;
    this.#most = most;
    this.#random = random;
    this.#next = first;
  }

  /** @returns {number} ms to wait now: between three quarters of the step and the whole of it */
  next() {
    const step = this.#next;
    this.#next = Math.min(step * 2, this.#most);
    return step * (0.75 + 0.25 * this.#random());
  }

  /** Starts again from the first step: call it once the server has answered. */
  reset() {
    this.#next = this.#first;
  }
}
