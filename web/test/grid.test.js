import assert from "node:assert/strict";
import { test } from "node:test";
import { ask, columns } from "../grid.js";

test("pictures are as large as they can be", () => {
  const table = [[1, 1920, 1080, 1], [4, 1920, 1080, 2], [9, 1920, 1080, 3], [16, 1920, 1080, 4], [25, 3840, 2160, 5], [4, 390, 780, 1], [9, 390, 740, 2], [2, 1920, 500, 2]];
  for (const [count, width, height, want] of table) assert.equal(columns(count, width, height), want, `${count} in ${width}×${height}`);
  assert.equal(columns(4, 0, 0), 1);
});

test("a tile asks for what can be seen of it", () => {
  assert.deepEqual(ask(1280, 1), { rendition: "auto", fps: 30 });
  assert.deepEqual(ask(480, 2), { rendition: "auto", fps: 30 });
  assert.deepEqual(ask(480, 1), { rendition: "sub", fps: 10 });
  assert.deepEqual(ask(180, 1), { rendition: "sub", fps: 4 });
  assert.deepEqual(ask(130, 3), { rendition: "sub", fps: 2 });
});
