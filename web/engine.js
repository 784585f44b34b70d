/** @typedef {import("./painter.js").Figures} Figures */

/** After so long a page whose worker did not come is loaded anew, ms. */
const AGAIN_MS = 5000;

/**
 * The page's end of the worker: hands over canvases, says what each stream should show, and passes on what comes back as
 * events: "connection", "delay", "message", "unsent", "shown", "figures", "switched" (see worker.js), each with its fields as detail.
 */
export class Engine extends EventTarget {
  #worker = new Worker(new URL("worker.js", import.meta.url), { type: "module", name: "linkstart" });
  #last = 0;
  /** @type {Set<number>} */ #taken = new Set();

  /** @param {string} url of the WebSocket */
  constructor(url) {
    super();
    let heard = false;
    this.#worker.onmessage = ({ data }) => {
      heard = true;
      this.dispatchEvent(new CustomEvent(data.is, { detail: data }));
    };
    this.#worker.onerror = () => {
      this.dispatchEvent(new CustomEvent("broken"));
      if (!heard) setTimeout(() => location.reload(), AGAIN_MS); // a part of it did not come
    };
    this.#post({ do: "open", url });
    const seen = () => this.#post({ do: "visible", visible: document.visibilityState === "visible" });
    document.addEventListener("visibilitychange", seen);
    window.addEventListener("online", () => this.#post({ do: "probe" }));
    seen();
    this.#leave();
  }

  /**
   * A page that is left ends its connection at once. The browser may keep such a page for the way back, with a worker that stands
   * still: others would see somebody there who has gone. Who comes back that way gets the page anew.
   */
  #leave() {
    window.addEventListener("pagehide", () => this.#worker.terminate());
    window.addEventListener("pageshow", (event) => event.persisted && location.reload());
  }

  /**
   * Gives a canvas to the worker for good and returns the number of its stream.
   * @param {HTMLCanvasElement} canvas
   * @param {boolean} figures all figures, four times a second; otherwise only whether the picture is live, when that changes
   */
  attach(canvas, figures = false) {
    const stream = this.#free();
    const offscreen = canvas.transferControlToOffscreen();
    this.#post({ do: "canvas", stream, canvas: offscreen, figures }, [offscreen]);
    return stream;
  }

  /** @param {number} stream */
  detach(stream) {
    this.#taken.delete(stream);
    this.#post({ do: "forget", stream });
  }

  /** @param {number} stream @param {string} camera @param {"main"|"sub"|"auto"} rendition @param {number} fps */
  watch(stream, camera, rendition, fps) {
    this.#post({ do: "want", message: { type: "watch", stream, camera, rendition, fps } });
  }

  /** @param {number} stream @param {string} room @param {"main"|"sub"|"auto"} rendition @param {number} fps @param {string} expected camera, "" where it is not known */
  follow(stream, room, rendition, fps, expected) {
    this.#post({ do: "want", message: { type: "follow", stream, room, rendition, fps }, expected });
  }

  /** Measures how long it takes from a click until that camera is seen. @param {number} stream @param {string} camera @param {Event} event */
  clicked(stream, camera, event) {
    this.#post({ do: "clicked", stream, camera, at: performance.timeOrigin + event.timeStamp });
  }

  /** Whether a stream is seen also while the page is hidden. @param {number} stream @param {boolean} on */
  pin(stream, on) {
    this.#post({ do: "pin", stream, on });
  }

  /** The server's word counts again, after a click that came before it. @param {number} stream */
  settled(stream) {
    this.#post({ do: "settled", stream });
  }

  /** @param {number} stream */
  unwatch(stream) {
    this.#post({ do: "unwant", stream });
  }

  /** @param {string} room @param {string} camera */
  select(room, camera) {
    this.#post({ do: "send", message: { type: "select", room, camera } });
  }

  /** What has no stream: an order of any type. @param {object} message */
  send(message) {
    this.#post({ do: "send", message });
  }

  /** Numbers are given out in turn, so that a late frame never meets a new owner. */
  #free() {
    do this.#last = (this.#last % 0xffff) + 1;
    while (this.#taken.has(this.#last));
    this.#taken.add(this.#last);
    return this.#last;
  }

  /** @param {object} command @param {Transferable[]} [transfer] */
  #post(command, transfer = []) {
    this.#worker.postMessage(command, transfer);
  }
}
