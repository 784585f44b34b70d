import assert from "node:assert/strict";
import { test } from "node:test";
import { Backoff } from "../backoff.js";

const steps = [250, 500, 1000, 2000, 4000, 5000, 5000, 5000];

test("doubles up to its limit", () => {
  const backoff = new Backoff(250, 5000, () => 1);
  assert.deepEqual(steps.map(() => backoff.next()), steps);
});

test("is spread downwards by up to a quarter", () => {
  const lowest = new Backoff(250, 5000, () => 0);
  for (const step of steps) assert.equal(lowest.next(), step * 0.75);
  const backoff = new Backoff();
  for (const step of steps) {
    const wait = backoff.next();
    assert.ok(wait >= step * 0.75 && wait <= step, `${wait} for ${step}`);
  }
});

test("starts again after a reset", () => {
  const backoff = new Backoff(250, 5000, () => 1);
  for (let i = 0; i < 4; i++) backoff.next();
  backoff.reset();
  assert.equal(backoff.next(), 250);
});
