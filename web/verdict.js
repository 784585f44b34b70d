/** Decides whether the picture on the stage may be taken for the present, and if not, why not. */

/** A picture older than this is not live, ms. */
export const STALE_MS = 2000;

/**
 * @typedef {object} Verdict
 * @property {boolean} live
 * @property {""|"none"|"unknown"|"connection"|"state"|"switching"|"empty"|"last"|"stale"} reason why not
 */

/**
 * @param {object} now
 * @param {boolean} now.connected the server is there
 * @param {string} now.target id of the camera that should be seen, "" for none
 * @param {{state: string}|undefined} now.info what is known of that camera
 * @param {{camera: string, notLive: boolean, ageMs: number}|null} now.picture what is on the canvas
 * @returns {Verdict} the first reason that holds, in the order in which an operator would ask
 */
export function judge({ connected, target, info, picture }) {
  if (!connected) return no("connection");
  if (!target) return no("none");
  if (!info) return no("unknown");
  if (info.state !== "live") return no("state");
  if (!picture) return no("empty");
  if (picture.camera !== target) return no("switching");
  if (picture.notLive) return no("last");
  if (picture.ageMs > STALE_MS) return no("stale");
  return { live: true, reason: "" };
}

/** @param {Verdict["reason"]} reason @returns {Verdict} */
function no(reason) {
  return { live: false, reason };
}
