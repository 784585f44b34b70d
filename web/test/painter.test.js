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
      done: () => {
        open++;
        resolve({ width: 4, height: 3, close: () => closed++ });
      },
      fail: () => reject(new Error("not an image")),
    });
  });
});
afterEach(() => delete globalThis.createImageBitmap);

const settle = () => new Promise((resolve) => setImmediate(resolve));

function painter() {
  /** @type {{acks: number[], news: number, draws: number, last?: import("../painter.js").Picture}} */
  const seen = { acks: [], news: 0, draws: 0 };
  const canvas = /** @type {any} */ ({ width: 0, height: 0, getContext: () => ({ drawImage: () => seen.draws++ }) });
  const made = new Painter(1, canvas, (seq) => seen.acks.push(seq), (picture, news) => {
    seen.news += Number(news);
    seen.last = picture;
  });
  return { made, seen };
}
const frame = (seq, captured = seq) => ({ stream: 1, notLive: false, seq, captured, skipped: 0, ageMs: 10, jpeg: new Uint8Array([1]) });

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
  assert.deepEqual([seen.draws, seen.news, open, closed], [2, 1, 2, 2]);
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

test("a frame older than the one that waits is not decoded", async () => {
  const { made, seen } = painter();
  made.switchTo("a");
  made.offer(frame(1));
  made.offer(frame(3));
  made.offer(frame(2));
  assert.deepEqual(seen.acks, [2]);
  for (const i of [0, 1]) {
    decodes[i].done();
    await settle();
  }
  assert.deepEqual([decodes.length, made.figures().seq, made.figures().dropped], [2, 3, 1]);
});

test("a camera that is not wanted any more is not decoded, before the server has said so", async () => {
  const { made, seen } = painter();
  made.switchTo("a");
  made.offer(frame(1));
  made.offer(frame(2));
  made.want("b");
  made.offer(frame(3));
  assert.deepEqual([decodes.length, seen.acks], [1, [2, 3]]);
  decodes[0].done();
  await settle();
  assert.deepEqual([seen.draws, made.camera], [0, ""]);
  made.switchTo("b");
  made.offer(frame(70));
  decodes[1].done();
  await settle();
  made.want(null); // any
  made.switchTo("c");
  made.offer(frame(90));
  decodes[2].done();
  await settle();
  assert.deepEqual([seen.draws, seen.news, made.camera], [2, 2, "c"]);
});

test("a switch does not wait for a decode that it made useless, and no more than one of those is under way", async () => {
  const { made, seen } = painter();
  made.switchTo("a");
  made.offer(frame(1));
  made.switchTo("b");
  made.offer(frame(2));
  assert.equal(decodes.length, 2);
  made.switchTo("c");
  made.offer(frame(3));
  assert.equal(decodes.length, 2);
  decodes[1].done();
  await settle();
  assert.equal(decodes.length, 3);
  decodes[2].done();
  decodes[0].done();
  await settle();
  assert.deepEqual([seen.draws, made.figures().seq, closed], [1, 3, 3]);
  assert.deepEqual(seen.acks, [2, 3, 1]);
});

test("decodes that end in another order than they began never bring an older picture back", async () => {
  const { made, seen } = painter();
  made.switchTo("a");
  made.offer(frame(1));
  made.switchTo("b");
  made.offer(frame(2));
  made.switchTo("a");
  made.offer(frame(3));
  decodes[1].done(); // of b: makes room for 3
  await settle();
  decodes[2]?.done();
  await settle();
  decodes[0].done();
  await settle();
  decodes[2]?.done();
  await settle();
  assert.equal(made.figures().seq, 3);
  assert.equal(seen.last.seq, 3);
});

test("after switching to nothing, frames are acknowledged and dropped until there is a camera again", async () => {
  const { made, seen } = painter();
  made.switchTo("a");
  made.offer(frame(1));
  made.switchTo("");
  made.offer(frame(2));
  decodes[0].done();
  await settle();
  assert.deepEqual([decodes.length, seen.draws, seen.acks], [1, 0, [2, 1]]);
  made.switchTo("a");
  made.offer(frame(3));
  decodes[1].done();
  await settle();
  assert.equal(seen.draws, 1);
});

test("what decoding and drawing cost is told with the first picture", async () => {
  const { made } = painter();
  made.switchTo("a");
  made.offer(frame(1));
  await settle();
  decodes[0].done();
  await settle();
  const { decodeMs, drawMs, fps } = made.figures();
  assert.ok(decodeMs > 0 && drawMs >= 0, `${decodeMs} ${drawMs}`);
  assert.equal(fps, 0);
});

test("a live picture after one that was not is news, and the next one is not", async () => {
  const { made, seen } = painter();
  made.switchTo("a");
  for (const [i, notLive] of [true, false, false].entries()) {
    made.offer({ ...frame(i), notLive });
    decodes[i].done();
    await settle();
  }
  assert.deepEqual([seen.draws, seen.news], [3, 2]);
});

test("a decode that never ends does not hold up the stream", async (t) => {
  const { made, seen } = painter();
  let now = 1000;
  t.mock.method(performance, "now", () => now);
  made.switchTo("a");
  made.offer(frame(1));
  now += 6000;
  made.offer(frame(2));
  assert.equal(decodes.length, 2);
  decodes[1].done();
  await settle();
  decodes[0].done(); // after all: too late
  await settle();
  assert.deepEqual([seen.draws, seen.last?.seq, open, closed], [1, 2, 2, 2]);
  assert.deepEqual(seen.acks, [2]);
  made.offer(frame(3));
  assert.equal(decodes.length, 3);
});
