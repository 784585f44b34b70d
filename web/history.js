/** How far back figures are kept, s. */
export const SPAN_S = 300;
/** Figures that come closer to each other take the place of the one before, s. */
const LEAST_S = 0.5;
/** A longer pause is a gap in the line, s. */
const GAP_S = 3.5;
/** Of so many cameras; the one that was not heard for longest goes. */
const MOST_CAMERAS = 64;

/** @typedef {{at: number, fps: number, bitrate: number, age: number|null}} Sample at: s since 1970; age: ms */

/** The figures of the last five minutes, of each camera that tells them. */
export class History {
  /** @type {Map<string, Sample[]>} in the order in which they were heard last */ #samples = new Map();

  /** @param {string} camera @param {{fps?: number, bitrate?: number, age_ms?: number}} info @param {number} at s since 1970 */
  note(camera, { fps = 0, bitrate = 0, age_ms = -1 }, at) {
    const samples = this.#samples.get(camera) ?? [];
    const last = samples[samples.length - 1];
    if (last && Math.abs(at - last.at) < LEAST_S) samples.pop();
    else if (last && at < last.at) samples.length = 0; // the clock was set back
    samples.push({ at, fps, bitrate, age: age_ms < 0 ? null : age_ms });
    while (samples[0].at < at - SPAN_S) samples.shift();
    this.#samples.delete(camera);
    this.#samples.set(camera, samples);
    if (this.#samples.size > MOST_CAMERAS) this.#samples.delete(this.#samples.keys().next().value ?? "");
  }

  /**
   * @param {string} camera
   * @param {number} now s since 1970
   * @returns {{at: number[], fps: (number|null)[], bitrate: (number|null)[], age: (number|null)[]}} as columns, with
   *   nothing where nothing was heard
   */
  columns(camera, now) {
    /** @type {ReturnType<History["columns"]>} */
    const columns = { at: [], fps: [], bitrate: [], age: [] };
    const put = (/** @type {number} */ at, /** @type {Sample|null} */ sample) => {
      columns.at.push(at);
      for (const name of /** @type {const} */ (["fps", "bitrate", "age"])) columns[name].push(sample ? sample[name] : null);
    };
    let before = Infinity;
    for (const sample of this.#samples.get(camera) ?? []) {
      if (sample.at < now - SPAN_S) continue;
      if (sample.at - before > GAP_S) put(before + 1, null);
      put(sample.at, sample);
      before = sample.at;
    }
    return columns;
  }

  /** @param {string} camera */
  forget(camera) {
    this.#samples.delete(camera);
  }
}
