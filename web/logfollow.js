import * as api from "./api.js";
import { Backoff } from "./backoff.js";
import { LineSplitter } from "./loglines.js";

/** Reads a camera's log as it grows, and connects again by itself, until it is closed. */
export class LogFollow {
  #end = new AbortController();
  #camera;
  #on;

  /**
   * @param {string} camera
   * @param {object} on
   * @param {() => void} on.began the server sends from the beginning what it has kept
   * @param {(lines: string[]) => void} on.lines
   * @param {(error: unknown) => void} on.lost it is tried again
   */
  constructor(camera, on) {
    this.#camera = camera;
    this.#on = on;
    void this.#run();
  }

  close() {
    this.#end.abort();
  }

  async #run() {
    const { signal } = this.#end;
    const backoff = new Backoff(500, 10_000);
    while (!signal.aborted) {
      try {
        await this.#read(signal, backoff);
        if (!signal.aborted) this.#on.lost(new TypeError("log ended"));
      } catch (error) {
        if (!signal.aborted) this.#on.lost(error);
      }
      await pause(backoff.next(), signal);
    }
  }

  /** @param {AbortSignal} signal @param {Backoff} backoff */
  async #read(signal, backoff) {
    const reader = (await api.logs(this.#camera, signal)).getReader();
    const text = new TextDecoder();
    const splitter = new LineSplitter();
    this.#on.began();
    for (;;) {
      const { done, value } = await reader.read();
      if (done || signal.aborted) return;
      backoff.reset();
      this.#on.lines(splitter.push(text.decode(value, { stream: true })));
    }
  }
}

/** @param {number} ms @param {AbortSignal} signal that ends it early @returns {Promise<void>} */
function pause(ms, signal) {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener("abort", end);
  });
}
