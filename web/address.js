/**
 * The address bar. Behind #: nothing for the stage that follows the room, /camera/<id> for a camera of one's own choice,
 * /wall/<tiles> for a wall, with ?group=, ?page= and ?every= (seconds until the next page). Before #: ?room=, ?kiosk, ?lang= and
 * ?theme=, which hold for as long as the page is open.
 */

const ID = /^[a-z0-9][a-z0-9_-]{0,62}$/;

/** How many tiles a wall may have; 0 stands for all of them. */
export const WALLS = [1, 4, 9, 16, 25, 0];
/** A page of a wall is shown for at least and at most so long, s. */
const EVERY = { least: 2, most: 3600 };

/**
 * @typedef {object} Wall
 * @property {"wall"} kind
 * @property {number} tiles one of WALLS
 * @property {string} group "" for the cameras of all groups
 * @property {number} page 0 for the first
 * @property {number} every seconds until the next page comes by itself, 0 for never
 */

/** @typedef {{kind: "room"} | {kind: "camera", camera: string} | Wall} View */

/**
 * @param {string} search as in location.search
 * @returns {string} the room, "main" where none or no valid one is named
 */
export function roomOf(search) {
  const room = new URLSearchParams(search).get("room") ?? "";
  return ID.test(room) ? room : "main";
}

/**
 * @param {string} search as in location.search
 * @returns {{kiosk: boolean, lang: string, theme: string}} "" for what is not asked for
 */
export function wishesOf(search) {
  const wishes = new URLSearchParams(search);
  return { kiosk: wishes.has("kiosk"), lang: wishes.get("lang") ?? "", theme: wishes.get("theme") ?? "" };
}

/**
 * @param {string} hash as in location.hash
 * @returns {View} the room's, where no other or no valid one is named
 */
export function viewOf(hash) {
  const [path, query = ""] = hash.replace(/^#/, "").split("?", 2);
  const [, kind, name = "", ...rest] = path.split("/");
  if (kind === "camera" && ID.test(name) && !rest.length) return { kind, camera: name };
  const tiles = name === "all" ? 0 : Number(name);
  if (kind !== "wall" || !name || rest.length || !WALLS.includes(tiles)) return { kind: "room" };
  const wishes = new URLSearchParams(query);
  const every = Number(wishes.get("every"));
  return {
    kind,
    tiles,
    group: wishes.get("group") ?? "",
    page: Math.max(0, Math.floor(Number(wishes.get("page")) || 1) - 1),
    every: every > 0 ? Math.min(EVERY.most, Math.max(EVERY.least, every)) : 0,
  };
}

/**
 * @param {View} view
 * @returns {string} the hash that leads there, "" for the room's
 */
export function hashOf(view) {
  if (view.kind === "room") return "";
  if (view.kind === "camera") return `#/camera/${view.camera}`;
  const wishes = new URLSearchParams();
  if (view.group) wishes.set("group", view.group);
  if (view.page) wishes.set("page", String(view.page + 1));
  if (view.every) wishes.set("every", String(view.every));
  const query = wishes.toString();
  return `#/wall/${view.tiles || "all"}${query ? `?${query}` : ""}`;
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
