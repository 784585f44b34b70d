/** @typedef {import("./frame.js").Frame} Frame */
/** @typedef {Frame & {camera: string, arrived: number}} Arrival */

/**
 * @typedef {object} Figures
 * @property {number} stream
 * @property {string} camera of the picture on the canvas
 * @property {number} seq of that picture
 * @property {boolean} notLive
 * @property {number} ageMs now
 * @property {number} fps drawn, over the last two seconds
 * @property {number} width px
 * @property {number} height px
 * @property {number} dropped frames overtaken by a newer one before they were decoded
 * @property {number} broken frames that did not decode
 */

/** The rate is taken over so many ms. */
const WINDOW_MS = 2000;

/**
 * One stream on its way to one canvas: at most one decode at a time and one frame waiting, which the next one replaces.
 * So a browser that is too slow shows fewer pictures, never older ones.
 */
export class Painter {
  #stream;
  #canvas;
  #context;
  #ack;
  #first;
  #camera = "";
  /** @type {Arrival|null} */ #waiting = null;
  /** @type {Arrival|null} */ #shown = null;
  #busy = false;
  #closed = false;
  /** @type {number[]} */ #drawn = [];
  #dropped = 0;
  #broken = 0;

  /**
   * @param {number} stream
   * @param {OffscreenCanvas} canvas
   * @param {(seq: number) => void} ack called once for each frame that is done with
   * @param {() => void} first called when the first picture of a camera is on the canvas
   */
  constructor(stream, canvas, ack, first) {
    this.#stream = stream;
    this.#canvas = canvas;
    this.#context = canvas.getContext("2d", { alpha: false });
    this.#ack = ack;
    this.#first = first;
  }

  /** From now on frames are of this camera; what is under way of another is not drawn any more. @param {string} camera */
  switchTo(camera) {
    this.#camera = camera;
    if (this.#waiting && this.#waiting.camera !== camera) this.#drop();
  }

  /** @param {Frame} frame */
  offer(frame) {
    if (!this.#camera) return this.#ack(frame.seq); // nobody has said yet what it shows
    const arrival = { ...frame, camera: this.#camera, arrived: performance.now() };
    if (this.#waiting) this.#drop();
    this.#waiting = arrival;
    if (!this.#busy) this.#work();
  }

  /** @returns {Figures|null} null before the first picture */
  figures() {
    const shown = this.#shown;
    if (!shown) return null;
    const now = performance.now();
    while (this.#drawn.length && now - this.#drawn[0] > WINDOW_MS) this.#drawn.shift();
    return {
      stream: this.#stream,
      camera: shown.camera,
      seq: shown.seq,
      notLive: shown.notLive,
      ageMs: shown.ageMs + (now - shown.arrived),
      fps: this.#rate(now),
      width: this.#canvas.width,
      height: this.#canvas.height,
      dropped: this.#dropped,
      broken: this.#broken,
    };
  }

  /** Frames per second, falling as soon as one is overdue. @param {number} now */
  #rate(now) {
    const intervals = this.#drawn.length - 1;
    if (intervals < 1) return 0;
    const last = this.#drawn[intervals];
    const span = last - this.#drawn[0];
    const overdue = Math.max(0, now - last - span / intervals);
    return (intervals * 1000) / (span + overdue);
  }

  /** Draws nothing more. */
  close() {
    this.#closed = true;
    this.#waiting = null;
  }

  #drop() {
    this.#dropped++;
    this.#ack(/** @type {Arrival} */ (this.#waiting).seq);
    this.#waiting = null;
  }

  async #work() {
    this.#busy = true;
    while (this.#waiting && !this.#closed) {
      const frame = this.#waiting;
      this.#waiting = null;
      await this.#show(frame);
      this.#ack(frame.seq);
    }
    this.#busy = false;
  }

  /** @param {Arrival} frame */
  async #show(frame) {
    let bitmap;
    try {
      bitmap = await createImageBitmap(new Blob([frame.jpeg], { type: "image/jpeg" }));
    } catch {
      this.#broken++; // a camera may send rubbish now and then: the next picture puts it right
      return;
    }
    if (!this.#closed && frame.camera === this.#camera) this.#draw(bitmap, frame);
    bitmap.close();
  }

  /** @param {ImageBitmap} bitmap @param {Arrival} frame */
  #draw(bitmap, frame) {
    if (this.#canvas.width !== bitmap.width || this.#canvas.height !== bitmap.height) {
      this.#canvas.width = bitmap.width;
      this.#canvas.height = bitmap.height;
    }
    this.#context?.drawImage(bitmap, 0, 0);
    const fresh = this.#shown?.camera !== frame.camera;
    if (fresh) this.#drawn = []; // the first one came at once, out of the rhythm: the rate starts with the second
    else this.#drawn.push(performance.now());
    this.#shown = { ...frame, jpeg: new Uint8Array(0) }; // the bytes are not needed again
    if (fresh) this.#first();
  }
}
