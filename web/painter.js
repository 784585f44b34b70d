import { Meter } from "./meter.js";
import { STALE_MS } from "./verdict.js";

/** @typedef {import("./frame.js").Frame} Frame */
/** @typedef {Frame & {camera: string, arrived: number}} Arrival */

/**
 * @typedef {object} Picture what is on the canvas
 * @property {string} camera
 * @property {number} seq
 * @property {boolean} notLive
 * @property {number} arrived performance.now()
 * @property {number} ageMs when it arrived
 */

/**
 * @typedef {object} State
 * @property {number} stream
 * @property {string} camera of the picture on the canvas
 * @property {number} seq of that picture
 * @property {boolean} notLive
 * @property {number} ageMs now
 * @property {number} width px
 * @property {number} height px
 * @property {number} dropped frames that were never decoded: overtaken by a newer one, old, or no longer wanted
 * @property {number} broken frames that did not decode
 */

/** @typedef {State & import("./meter.js").Measured} Figures */

/** A decode that takes so long is given up, ms: should a browser lose one, the stream goes on. */
const LOST_MS = 5000;
/** Decodes under way: one, and one more that a switch has made useless, for which nobody waits. */
const DECODES = 2;

/**
 * One stream on its way to one canvas: at most one decode at a time and one frame waiting, which the next one replaces.
 * So a browser that is too slow shows fewer pictures, never older ones.
 */
export class Painter {
  #stream;
  #canvas;
  #context;
  #ack;
  #drawn;
  #meter = new Meter();
  #camera = "";
  /** @type {string|null} */ #wanted = null;
  /** @type {string|null} what the server has announced, until it switches */ #coming = null;
  /** @type {Arrival|null} */ #waiting = null;
  /** @type {Arrival|null} the newest one under way */ #decoding = null;
  /** @type {Picture|null} */ #shown = null;
  #borrowed = false; // what is shown is another canvas's
  /** @type {Set<Arrival>} under way */ #decodes = new Set();
  #closed = false;
  #dropped = 0;
  #broken = 0;

  /**
   * @param {number} stream
   * @param {OffscreenCanvas} canvas
   * @param {(seq: number) => void} ack called once for each frame that is done with
   * @param {(picture: Picture, news: boolean) => void} drawn a picture is on the canvas; news: of another camera than the one
   *   before it, or live where that was not, or the reverse
   */
  constructor(stream, canvas, ack, drawn) {
    this.#stream = stream;
    this.#canvas = canvas;
    this.#context = canvas.getContext("2d", { alpha: false });
    this.#ack = ack;
    this.#drawn = drawn;
  }

  /** The camera of the picture on the canvas, "" before the first. */
  get camera() {
    return this.#shown?.camera ?? "";
  }

  /**
   * Shows at once what another canvas has of the wanted camera, as its last picture, until a picture of its own is here.
   * @param {Painter} other
   */
  borrow(other) {
    const [own, shown] = [this.#shown, other.#shown];
    if (!shown || this.#closed) return;
    if (own?.camera === shown.camera && (own.arrived >= shown.arrived || !old(own))) return;
    this.#paint(other.#canvas);
    this.#shown = { ...shown, notLive: shown.notLive || old(shown) };
    this.#borrowed = true;
    this.#drawn(this.#shown, true);
  }

  /** What is on the canvas is another one's. */
  get borrowed() {
    return this.#borrowed;
  }

  /** Nothing but this camera is decoded any more, whatever is on its way. @param {string|null} camera null for any */
  want(camera) {
    this.#wanted = camera;
    this.#sift();
  }

  /** The server is about to switch to this camera: frames that come before it does are of the one before. @param {string} camera */
  expect(camera) {
    this.#coming = camera === this.#camera ? null : camera;
    this.#sift();
  }

  /** The camera that the server sends, or is about to. */
  get source() {
    return this.#coming ?? this.#camera;
  }

  /** The server says: from now on frames are of this camera, "" for none that can be used. @param {string} camera */
  switchTo(camera) {
    this.#camera = camera;
    if (camera) this.#coming = null;
    this.#sift();
  }

  /** @param {Frame} frame */
  offer(frame) {
    const waiting = this.#waiting;
    if (!this.#uses(this.#camera) || (waiting && frame.captured < waiting.captured)) return this.pass(frame);
    if (waiting) this.pass(waiting);
    const arrived = performance.now();
    this.#waiting = { ...frame, camera: this.#camera, arrived };
    for (const lost of this.#decodes) if (arrived - lost.arrived > LOST_MS) this.#ended(lost);
    this.#next();
  }

  /** Does without this frame. @param {Frame} frame */
  pass(frame) {
    this.#dropped++;
    this.#ack(frame.seq);
  }

  /** @returns {Figures|null} null before the first picture */
  figures() {
    const shown = this.#shown;
    if (!shown) return null;
    const now = performance.now();
    return {
      stream: this.#stream,
      camera: shown.camera,
      seq: shown.seq,
      notLive: shown.notLive,
      ageMs: shown.ageMs + (now - shown.arrived),
      width: this.#canvas.width,
      height: this.#canvas.height,
      dropped: this.#dropped,
      broken: this.#broken,
      ...this.#meter.figures(now),
    };
  }

  /** Draws nothing more. */
  close() {
    this.#closed = true;
    this.#waiting = null;
  }

  /** @param {string} camera */
  #uses(camera) {
    return camera !== "" && camera === this.#camera && [this.#wanted, this.#coming].every((only) => only === null || only === camera);
  }

  /** Lets go of a waiting frame that is of no use any more. */
  #sift() {
    const waiting = this.#waiting;
    if (!waiting || this.#uses(waiting.camera)) return;
    this.#waiting = null;
    this.pass(waiting);
  }

  #next() {
    const frame = this.#waiting;
    const busy = this.#decoding !== null && this.#uses(this.#decoding.camera);
    if (!frame || busy || this.#decodes.size >= DECODES || this.#closed) return;
    this.#waiting = null;
    this.#decoding = frame;
    this.#decodes.add(frame);
    void this.#show(frame);
  }

  /** @param {Arrival} frame */
  async #show(frame) {
    const began = performance.now();
    const bitmap = await createImageBitmap(new Blob([frame.jpeg], { type: "image/jpeg" })).catch(() => null);
    if (!bitmap) this.#broken++; // a camera may send rubbish now and then: the next picture puts it right
    else if (this.#fits(frame)) this.#draw(bitmap, frame, performance.now() - began);
    bitmap?.close();
    if (!this.#ended(frame)) return; // it was given up meanwhile
    this.#ack(frame.seq);
    this.#next();
  }

  /** @param {Arrival} frame @returns {boolean} whether its decode was under way */
  #ended(frame) {
    if (this.#decoding === frame) this.#decoding = null;
    return this.#decodes.delete(frame);
  }

  /** Decoded, but still to be shown? Two decodes may end in another order than they began. @param {Arrival} frame */
  #fits(frame) {
    return !this.#closed && this.#uses(frame.camera) && frame.arrived >= (this.#shown?.arrived ?? 0);
  }

  /** @param {ImageBitmap} bitmap @param {Arrival} frame @param {number} decodeMs */
  #draw(bitmap, frame, decodeMs) {
    const began = performance.now();
    this.#paint(bitmap);
    const now = performance.now();
    const first = this.#borrowed || this.#shown?.camera !== frame.camera;
    const news = first || this.#shown?.notLive !== frame.notLive;
    this.#borrowed = false;
    this.#meter.note(now, decodeMs, now - began, first);
    const { camera, seq, notLive, arrived, ageMs } = frame; // the bytes are not needed again
    this.#shown = { camera, seq, notLive, arrived, ageMs };
    this.#drawn(this.#shown, news);
  }

  /** @param {ImageBitmap|OffscreenCanvas} picture */
  #paint(picture) {
    if (this.#canvas.width !== picture.width || this.#canvas.height !== picture.height) {
      this.#canvas.width = picture.width;
      this.#canvas.height = picture.height;
    }
    this.#context?.drawImage(picture, 0, 0);
  }
}

/** It cannot be taken for the present any more. @param {Picture} picture */
function old({ ageMs, arrived }) {
  return ageMs + (performance.now() - arrived) > STALE_MS;
}
