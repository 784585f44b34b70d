import assert from "node:assert/strict";
import { test } from "node:test";
import { Meter } from "../meter.js";

test("nothing is known before the first picture", () => {
  assert.deepEqual(new Meter().figures(0), { fps: 0, decodeMs: null, drawMs: null });
});

test("the first picture counts for the costs, not for the rate", () => {
  const meter = new Meter();
  meter.note(0, 10, 2, true);
  meter.note(990, 20, 4, false);
  assert.deepEqual(meter.figures(990), { fps: 0, decodeMs: 15, drawMs: 3 });
  meter.note(1090, 30, 6, false);
  assert.deepEqual(meter.figures(1090), { fps: 10, decodeMs: 20, drawMs: 4 });
});

test("the rate falls as soon as a picture is overdue", () => {
  const meter = new Meter();
  for (const at of [0, 100, 200]) meter.note(at, 1, 1, false);
  assert.equal(meter.figures(300).fps, 10);
  assert.equal(meter.figures(500).fps, 5);
});

test("what is older than two seconds is forgotten, however much was noted", () => {
  const meter = new Meter();
  for (let at = 0; at <= 10_000; at += 10) meter.note(at, at < 8000 ? 1000 : 5, 1, false);
  assert.equal(meter.figures(10_000).decodeMs, 5);
  assert.equal(meter.figures(10_000).fps, 100);
  assert.deepEqual(meter.figures(12_001), { fps: 0, decodeMs: null, drawMs: null });
});

test("another camera starts anew", () => {
  const meter = new Meter();
  for (const at of [0, 100, 200]) meter.note(at, 50, 5, at === 0);
  meter.note(250, 8, 1, true);
  assert.deepEqual(meter.figures(250), { fps: 0, decodeMs: 8, drawMs: 1 });
});
