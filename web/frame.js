/**
 * Reads the binary messages of the WebSocket: one frame each, a header of 24 bytes (big-endian) and a JPEG.
 *
 *      0  u8   version = 1
 *      1  u8   flags: 1 = not live
 *      2  u16  stream
 *      4  u32  sequence
 *      8  i64  captured, µs since Unix epoch
 *     16  u32  frames skipped since the last one sent
 *     20  u32  age in µs at the moment of sending
 *     24       JPEG
 */

/** Length of the header in bytes. */
export const HEADER = 24;

const VERSION = 1;
const NOT_LIVE = 1;

/**
 * @typedef {object} Frame
 * @property {number} stream as this page numbered it
 * @property {boolean} notLive the last picture known, of a camera that is away
 * @property {number} seq counts the camera's pictures, u32
 * @property {number} captured µs since Unix epoch
 * @property {number} skipped pictures left out for this viewer since the one before
 * @property {number} ageMs age in ms when it was sent
 * @property {Uint8Array<ArrayBuffer>} jpeg a view into the message, not a copy
 */

/**
 * @param {unknown} message what the socket delivered
 * @returns {Frame|null} null for anything that is not a frame of this version with at least one byte of picture
 */
export function parseFrame(message) {
  if (!(message instanceof ArrayBuffer) || message.byteLength <= HEADER) return null;
  const view = new DataView(message);
  if (view.getUint8(0) !== VERSION) return null;
  return {
    notLive: (view.getUint8(1) & NOT_LIVE) !== 0,
    stream: view.getUint16(2),
    seq: view.getUint32(4),
    captured: Number(view.getBigInt64(8)),
    skipped: view.getUint32(16),
    ageMs: view.getUint32(20) / 1000,
    jpeg: new Uint8Array(message, HEADER),
  };
}
