/**
 * @typedef {object} Painted
 * @property {string} camera
 * @property {boolean} notLive
 * @property {number} arrived performance.now()
 * @property {number} ageMs when it arrived
 */

/**
 * @typedef {object} Took
 * @property {number} ms from the click to the first picture of the camera
 * @property {number|null} liveMs from the click to the first picture that was taken after it, null while that is awaited
 */

/**
 * One switch, from the click to its pictures on the screen. A picture counts from the browser's next animation frame
 * after it was drawn: then it is handed to the compositor, which shows it with its next image (one more frame of the
 * screen at most). Nearer to the glass a page cannot see.
 */
export class Switch {
  #clicked;
  #frame;
  #tell;
  /** @type {Took|null} */ #took = null;
  #awaited = false;
  #present = false;

  /**
   * @param {string} camera
   * @param {number} clicked performance.now() at the click
   * @param {(callback: () => void) => void} frame as requestAnimationFrame
   * @param {(took: Took) => void} tell called with the first picture, and again with the first one taken after the click
   */
  constructor(camera, clicked, frame, tell) {
    this.camera = camera;
    this.#clicked = clicked;
    this.#frame = frame;
    this.#tell = tell;
  }

  /** Both pictures have been seen: nothing more to measure. */
  get done() {
    return this.#took !== null && this.#took.liveMs !== null;
  }

  /** A picture was drawn just now. @param {Painted} picture */
  drawn(picture) {
    if (this.done || picture.camera !== this.camera) return;
    this.#present ||= !picture.notLive && picture.arrived - picture.ageMs >= this.#clicked;
    if (this.#awaited || (this.#took && !this.#present)) return;
    this.#awaited = true;
    this.#frame(() => this.#seen());
  }

  #seen() {
    this.#awaited = false;
    const ms = Math.max(0, performance.now() - this.#clicked);
    this.#took = { ms: this.#took?.ms ?? ms, liveMs: this.#present ? ms : null };
    this.#tell(this.#took);
  }
}
