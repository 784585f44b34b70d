/** How tiles share a wall, and what each of them asks the server for. */

/** Pictures of cameras are about so wide for their height. */
const ASPECT = 16 / 9;
/** The rendition sub is so wide; a tile that shows much more of it asks for the whole picture, px of the screen. */
const SUB_WIDTH = 640;

/**
 * @param {number} count of tiles, at least 1
 * @param {number} width of the wall
 * @param {number} height of the wall
 * @returns {number} the number of columns with which the pictures are largest
 */
export function columns(count, width, height) {
  let best = 1;
  let most = 0;
  for (let n = 1; n <= count; n++) {
    const size = Math.min(width / n, (height / Math.ceil(count / n)) * ASPECT);
    if (size > most * 1.001) [best, most] = [n, size];
  }
  return best;
}

/**
 * What a tile asks for: no more than can be seen of it.
 * @param {number} width of the tile, CSS px
 * @param {number} scale device px for each CSS px
 * @returns {{rendition: "sub"|"auto", fps: number}}
 */
export function ask(width, scale) {
  if (width * scale > SUB_WIDTH * 1.25) return { rendition: "auto", fps: 30 };
  if (width >= 240) return { rendition: "sub", fps: 10 };
  return { rendition: "sub", fps: width >= 160 ? 4 : 2 };
}
