import * as api from "./api.js";
import { stamp } from "./units.js";

/** An address stays good for so long after the click that uses it, ms. */
const RELEASE_MS = 30_000;

/**
 * Fetches a camera's newest picture and hands it to the browser as a download.
 * @param {string} camera id
 * @returns {Promise<string>} the file's name: the camera's id and when the picture was taken
 */
export async function save(camera) {
  const { picture, captured } = await api.snapshot(camera);
  const address = URL.createObjectURL(picture);
  const anchor = document.createElement("a");
  anchor.href = address;
  anchor.download = `${camera}_${stamp(captured)}.jpg`;
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(address), RELEASE_MS);
  return anchor.download;
}
