import assert from "node:assert/strict";
import { test } from "node:test";
import { Lens } from "../lens.js";

const frame = { width: 800, height: 600 };

test("the point under the pointer stays", () => {
  const lens = new Lens();
  lens.zoom(2, 100, 50, frame);
  assert.deepEqual([lens.scale, lens.x, lens.y], [2, -100, -50]);
  lens.zoom(0.5, 100, 50, frame);
  assert.deepEqual([lens.scale, lens.x, lens.y, lens.whole], [1, 0, 0, true]);
});

test("the picture does not leave its frame, and is not enlarged without end", () => {
  const lens = new Lens();
  lens.pan(50, 50, frame);
  assert.deepEqual([lens.x, lens.y], [0, 0]);
  lens.zoom(2, 0, 0, frame);
  lens.pan(10_000, -10_000, frame);
  assert.deepEqual([lens.x, lens.y], [400, -300]);
  lens.zoom(1e9, 0, 0, frame);
  assert.ok(lens.scale <= 12);
  lens.zoom(1e-9, 0, 0, frame);
  assert.ok(lens.whole);
});
