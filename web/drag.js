/** A mouse that moves so far with its button down drags, px. */
const SLACK = 8;
/** A finger that rests so long takes the tile along; before that it scrolls, ms. */
const HOLD_MS = 450;

/**
 * Lets tiles be dragged to each other's places, with mouse, pen or finger; Escape lets go. Nothing moves before the end: a
 * finger's events end where the element under it is moved. One drag at a time; its listeners go with it.
 */
export class Drag {
  #root;
  #moved;
  /** @type {AbortController|null} */ #drag = null;
  /** @type {AbortController|null} the press that may become a drag, or is one */ #press = null;
  #ended = -Infinity;

  /**
   * @param {HTMLElement} root that the tiles are in
   * @param {(id: string, to: string) => void} moved id has been taken to the place of to
   */
  constructor(root, moved) {
    this.#root = root;
    this.#moved = moved;
    root.addEventListener("pointerdown", (event) => this.#down(event));
    root.addEventListener("contextmenu", (event) => this.#drag && event.preventDefault()); // of a finger that rests
  }

  /** A click that comes now is the end of a drag. */
  get dragged() {
    return performance.now() - this.#ended < 100;
  }

  /** @param {PointerEvent} down */
  #down(down) {
    const tile = tileAt(down.target);
    if (!tile || down.button !== 0 || !down.isPrimary) return;
    this.#press?.abort(); // its end was missed
    const end = new AbortController();
    const { signal } = end;
    this.#press = end;
    /** @type {HTMLElement|null} */ let over = null;
    const begin = () => {
      this.#drag = end;
      tile.dataset.dragged = "";
    };
    const hold = down.pointerType === "mouse" ? 0 : setTimeout(begin, HOLD_MS);
    signal.addEventListener("abort", () => {
      clearTimeout(hold);
      delete tile.dataset.dragged;
      if (over) delete over.dataset.drop;
      if (this.#drag) this.#ended = performance.now();
      this.#drag = this.#press = null;
    });
    const ours = (/** @type {PointerEvent} */ event) => event.pointerId === down.pointerId; // not a second finger
    addEventListener("pointermove", (event) => {
      if (!ours(event)) return;
      if (event.buttons === 0) return end.abort(); // let go where nobody saw it
      const far = Math.hypot(event.clientX - down.clientX, event.clientY - down.clientY) > SLACK;
      if (!this.#drag && far && hold) return end.abort(); // it scrolls
      if (!this.#drag && far) begin();
      if (!this.#drag) return;
      if (over) delete over.dataset.drop;
      over = tileAt(document.elementFromPoint(event.clientX, event.clientY));
      if (over === tile || !this.#root.contains(over)) over = null;
      if (over) over.dataset.drop = "";
    }, { signal });
    addEventListener("pointerup", (event) => {
      if (!ours(event)) return;
      if (this.#drag && over) this.#moved(tile.dataset.camera ?? "", over.dataset.camera ?? "");
      end.abort();
    }, { signal });
    addEventListener("pointercancel", (event) => ours(event) && end.abort(), { signal });
    addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !this.#drag) return;
      event.stopImmediatePropagation();
      end.abort();
    }, { signal, capture: true });
    // Once a tile is taken along, the finger must not scroll.
    addEventListener("touchmove", (event) => this.#drag && event.preventDefault(), { signal, passive: false });
  }
}

/** @param {EventTarget|null} target @returns {HTMLElement|null} */
function tileAt(target) {
  return target instanceof Element ? target.closest("button.tile") : null;
}
