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

/**
 * Puts a camera's newest picture into the clipboard. It must be called by a click or a key: browsers insist.
 * @param {string} camera id
 * @returns {Promise<boolean>} false where this browser cannot, or the page was not fetched safely
 */
export async function copyPicture(camera) {
  if (!navigator.clipboard?.write || !("ClipboardItem" in window)) return false;
  // The picture is promised, not awaited first: some browsers forget meanwhile that there was a click.
  /** @type {unknown} */ let failed; // why there is no picture, which browsers tell in words of their own
  const picture = png(camera).catch((error) => {
    failed = error;
    throw error;
  });
  try {
    await navigator.clipboard.write([new ClipboardItem({ "image/png": picture })]);
  } catch (error) {
    throw failed ?? error;
  }
  return true;
}

/** The one kind of picture that every clipboard takes. @param {string} camera */
async function png(camera) {
  const { picture } = await api.snapshot(camera);
  const bitmap = await createImageBitmap(picture);
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  canvas.getContext("2d")?.drawImage(bitmap, 0, 0);
  bitmap.close();
  return canvas.convertToBlob({ type: "image/png" });
}
