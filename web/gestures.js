import { Lens } from "./lens.js";

/** A finger that goes so far sideways turns to the next camera, px. */
const SWIPE = 60;
/** One step of the wheel, or of the keys + and −. */
const STEP = 1.25;

/**
 * @typedef {object} Acts
 * @property {(step: 1|-1, event: Event) => void} turn to the next camera or the one before
 * @property {() => void} fullscreen
 * @property {(scale: number) => void} zoomed
 */

/** Mouse, pen and fingers on the stage's picture: wheel and two fingers zoom, one drags what is zoomed, else swipes to the next camera. */
export class Gestures {
  #frame;
  #picture;
  #acts;
  #lens = new Lens();
  /** @type {Map<number, {x: number, y: number}>} pointers that are down, where they are */ #down = new Map();
  /** @type {{x: number, y: number}|null} where a swipe began */ #swipe = null;

  /** @param {HTMLElement} frame @param {HTMLElement} picture in it @param {Acts} acts */
  constructor(frame, picture, acts) {
    this.#frame = frame;
    this.#picture = picture;
    this.#acts = acts;
    frame.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    // Counted by the click: the first one may have been on the tile that brought this picture.
    frame.addEventListener("click", (event) => event.detail === 2 && this.#ours(event) && acts.fullscreen());
    new ResizeObserver(() => this.#resized()).observe(frame); // lives as long as the page
    frame.addEventListener("pointerdown", (event) => this.#press(event));
    frame.addEventListener("pointermove", (event) => this.#drag(event));
    for (const type of ["pointerup", "pointercancel"]) {
      frame.addEventListener(type, (event) => this.#lift(/** @type {PointerEvent} */ (event)));
    }
  }

  /** @param {1|-1} direction in or out, about the middle */
  step(direction) {
    this.#lens.zoom(STEP ** direction, 0, 0, this.#box());
    this.#apply();
  }

  /** Shows the whole picture again. */
  reset() {
    this.#lens.reset();
    this.#apply();
  }

  /** A zoomed picture does not leave a frame that has become smaller. */
  #resized() {
    if (this.#lens.whole) return;
    this.#lens.pan(0, 0, this.#box());
    this.#apply();
  }

  #box() {
    return this.#frame.getBoundingClientRect();
  }

  #apply() {
    const { scale, x, y, whole } = this.#lens;
    this.#picture.style.transform = whole ? "" : `translate(${x}px, ${y}px) scale(${scale})`;
    this.#frame.toggleAttribute("data-zoomed", !whole);
    this.#acts.zoomed(scale);
  }

  /** Messages and buttons over the picture keep what is done to them. @param {Event} event */
  #ours(event) {
    return event.target instanceof Element && !event.target.closest("button, a, .message");
  }

  /** @param {number} x @param {number} y of the window @returns {[number, number]} from the frame's middle */
  #fromMiddle(x, y) {
    const box = this.#box();
    return [x - box.left - box.width / 2, y - box.top - box.height / 2];
  }

  /** @param {WheelEvent} event */
  #wheel(event) {
    event.preventDefault(); // also of the browser's own zoom, which a pinch on a touchpad asks for
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_PIXEL ? event.deltaY / 100 : event.deltaY / 3;
    this.#lens.zoom(STEP ** -Math.max(-3, Math.min(3, lines)), ...this.#fromMiddle(event.clientX, event.clientY), this.#box());
    this.#apply();
  }

  /** @param {PointerEvent} event */
  #press(event) {
    if (!this.#ours(event) || event.button !== 0) return;
    this.#down.set(event.pointerId, { x: event.clientX, y: event.clientY });
    const alone = this.#down.size === 1;
    this.#swipe = alone && event.pointerType !== "mouse" && this.#lens.whole ? { x: event.clientX, y: event.clientY } : null;
    if (!this.#lens.whole || !alone) this.#frame.setPointerCapture(event.pointerId);
  }

  /** @param {PointerEvent} event */
  #drag(event) {
    const before = this.#down.get(event.pointerId);
    if (!before) return;
    if (event.buttons === 0) { // let go outside the frame, where nobody saw it
      this.#down.delete(event.pointerId);
      return;
    }
    const now = { x: event.clientX, y: event.clientY };
    this.#down.set(event.pointerId, now);
    const other = [...this.#down].find(([id]) => id !== event.pointerId)?.[1];
    if (other) {
      const apart = (/** @type {{x: number, y: number}} */ p) => Math.max(1, Math.hypot(p.x - other.x, p.y - other.y));
      this.#lens.zoom(apart(now) / apart(before), ...this.#fromMiddle(other.x, other.y), this.#box());
    } else if (!this.#lens.whole) {
      this.#lens.pan(now.x - before.x, now.y - before.y, this.#box());
    } else return;
    this.#apply();
  }

  /** @param {PointerEvent} event */
  #lift(event) {
    if (!this.#down.delete(event.pointerId)) return;
    const swipe = this.#swipe;
    this.#swipe = null;
    if (!swipe || event.type !== "pointerup" || !this.#lens.whole) return;
    const dx = event.clientX - swipe.x;
    if (Math.abs(dx) > SWIPE && Math.abs(dx) > 2 * Math.abs(event.clientY - swipe.y)) this.#acts.turn(dx < 0 ? 1 : -1, event);
  }
}
