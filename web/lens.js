/** How much of a picture is looked at, and which part. */

/** Nobody needs to see single pixels larger than this. */
const MOST = 12;

/** Zoom and place within a frame. x and y say how far the picture's middle is from the frame's, in px of the frame. */
export class Lens {
  scale = 1;
  x = 0;
  y = 0;

  /** The whole picture is seen. */
  get whole() {
    return this.scale === 1;
  }

  reset() {
    this.scale = 1;
    this.x = this.y = 0;
  }

  /**
   * @param {number} factor
   * @param {number} x of the point that stays where it is, px from the frame's middle
   * @param {number} y
   * @param {{width: number, height: number}} frame px
   */
  zoom(factor, x, y, frame) {
    const scale = Math.min(MOST, Math.max(1, this.scale * factor));
    const grown = scale / this.scale;
    this.scale = scale;
    this.x = x - (x - this.x) * grown;
    this.y = y - (y - this.y) * grown;
    this.#keep(frame);
  }

  /** @param {number} dx px @param {number} dy px @param {{width: number, height: number}} frame px */
  pan(dx, dy, frame) {
    this.x += dx;
    this.y += dy;
    this.#keep(frame);
  }

  /** The picture does not leave its frame. @param {{width: number, height: number}} frame */
  #keep({ width, height }) {
    const within = (/** @type {number} */ at, /** @type {number} */ size) => {
      const most = (size * (this.scale - 1)) / 2;
      return Math.min(most, Math.max(-most, at)) || 0; // no -0
    };
    this.x = within(this.x, width);
    this.y = within(this.y, height);
  }
}
