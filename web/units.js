/** Writes quantities so that their width hardly changes from one second to the next. */

/** Names of the units, unless a language has its own. */
const NAMES = { ms: "ms", s: "s", min: "min", h: "h" };

/**
 * @param {number|null|undefined} ms
 * @param {typeof NAMES} [names]
 * @returns {string} "42 ms", "2.4 s", "3 min 05 s", "2 h 05 min"; "–" for what is not known
 */
export function duration(ms, names = NAMES) {
  if (typeof ms !== "number" || !Number.isFinite(ms) || ms < 0) return "–";
  if (ms < 999.5) return `${Math.round(ms)} ${names.ms}`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} ${names.s}`;
  const seconds = Math.round(ms / 1000);
  const two = (/** @type {number} */ n) => String(n).padStart(2, "0");
  if (seconds < 3600) return `${Math.floor(seconds / 60)} ${names.min} ${two(seconds % 60)} ${names.s}`;
  return `${Math.floor(seconds / 3600)} ${names.h} ${two(Math.floor(seconds / 60) % 60)} ${names.min}`;
}

/**
 * @param {number|null|undefined} bits per second
 * @returns {string} "4.5 Mbit/s", "120 kbit/s"
 */
export function bitrate(bits) {
  if (typeof bits !== "number" || !Number.isFinite(bits) || bits < 0) return "–";
  return bits < 1e6 ? `${Math.round(bits / 1000)} kbit/s` : `${(bits / 1e6).toFixed(1)} Mbit/s`;
}

/**
 * @param {number|null|undefined} value frames per second
 * @returns {string} one decimal, always
 */
export function rate(value) {
  return typeof value === "number" && Number.isFinite(value) ? value.toFixed(1) : "–";
}

/**
 * @param {Date} when
 * @returns {string} local time for a file name: 20260131-235959
 */
export function stamp(when) {
  const two = (/** @type {number} */ n) => String(n).padStart(2, "0");
  return `${when.getFullYear()}${two(when.getMonth() + 1)}${two(when.getDate())}` +
    `-${two(when.getHours())}${two(when.getMinutes())}${two(when.getSeconds())}`;
}
