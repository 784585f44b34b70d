/** The address bar: ?room= names the room, #/camera/<id> a camera of one's own choice; without it the page follows the room. */

const ID = /^[a-z0-9][a-z0-9_-]{0,62}$/;

/**
 * @param {string} search as in location.search
 * @returns {string} the room, "main" where none or no valid one is named
 */
export function roomOf(search) {
  const room = new URLSearchParams(search).get("room") ?? "";
  return ID.test(room) ? room : "main";
}

/**
 * @param {string} hash as in location.hash
 * @returns {string} the camera's id, "" where none or no valid one is named
 */
export function cameraOf(hash) {
  const match = /^#\/camera\/([^/]+)$/.exec(hash);
  return match && ID.test(match[1]) ? match[1] : "";
}

/**
 * @param {string} camera id, "" to follow the room
 * @returns {string} the hash that leads there
 */
export function hashOf(camera) {
  return camera ? `#/camera/${camera}` : "";
}

/**
 * @param {string} base address of the page
 * @returns {string} address of its WebSocket, under the same prefix
 */
export function socketOf(base) {
  const url = new URL("ws", base);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  url.hash = "";
  return url.href;
}
