import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { Painter } from "../painter.js";

/** The browser's decoder, answering when the test says so; the real one is part of the browser test. */
let decodes;
let open;
let closed;
beforeEach(() => {
  decodes = [];
  open = closed = 0;
  globalThis.createImageBitmap = () => new Promise((resolve, reject) => {
    decodes.push({
      done: () => resolve({ width: 4, height: 3, close: () => closed++ }, open++),
      fail: () => reject(new Error("not an image")),
    });
  });
});
afterEach(() => delete globalThis.createImageBitmap);

const settle = () => new Promise((resolve) => setImmediate(resolve));

function painter() {
  const seen = { acks: [], first: 0, draws: 0 };
  const canvas = { width: 0, height: 0, getContext: () => ({ drawImage: () => seen.draws++ }) };
  const made = new Painter(1, canvas, (seq) => seen.acks.push(seq), () => seen.first++);
  return { made, seen };
}
const frame = (seq) => ({ stream: 1, notLive: false, seq, captured: 0, skipped: 0, ageMs: 10, jpeg: new Uint8Array([1]) });

test("one decode at a time, and the newest waits", async () => {
  const { made, seen } = painter();
  made.switchTo("a");
  for (const seq of [1, 2, 3, 4]) made.offer(frame(seq));
  assert.equal(decodes.length, 1);
  assert.deepEqual(seen.acks, [2, 3]); // overtaken while 1 decodes
  decodes[0].done();
  await settle();
  assert.equal(decodes.length, 2);
  decodes[1].done();
  await settle();
  assert.deepEqual(seen.acks, [2, 3, 1, 4]);
  assert.deepEqual([seen.draws, seen.first, open, closed], [2, 1, 2, 2]);
  assert.equal(made.figures().seq, 4);
  assert.equal(made.figures().dropped, 2);
});

test("a picture of the camera before is never drawn after a switch", async () => {
  const { made, seen } = painter();
  made.switchTo("a");
  made.offer(frame(1));
  made.offer(frame(2));
  made.switchTo("b");
  assert.deepEqual(seen.acks, [2]);
  made.offer(frame(70));
  decodes[0].done();
  await settle();
  assert.equal(seen.draws, 0);
  assert.equal(made.figures(), null);
  decodes[1].done();
  await settle();
  assert.equal(made.figures().camera, "b");
  assert.deepEqual(seen.acks, [2, 1, 70]);
  assert.equal(closed, 2);
});

test("what does not decode is counted, acknowledged and passed over", async () => {
  const { made, seen } = painter();
  made.switchTo("a");
  made.offer(frame(1));
  decodes[0].fail();
  await settle();
  made.offer(frame(2));
  decodes[1].done();
  await settle();
  assert.deepEqual(seen.acks, [1, 2]);
  assert.deepEqual([made.figures().broken, made.figures().seq], [1, 2]);
});

test("frames before anybody has said of which camera are not drawn", () => {
  const { made, seen } = painter();
  made.offer(frame(1));
  assert.equal(decodes.length, 0);
  assert.deepEqual(seen.acks, [1]);
});

test("closing in the middle of a decode draws nothing and releases the bitmap", async () => {
  const { made, seen } = painter();
  made.switchTo("a");
  made.offer(frame(1));
  made.offer(frame(2));
  made.close();
  decodes[0].done();
  await settle();
  assert.deepEqual([seen.draws, closed, decodes.length], [0, 1, 1]);
});
