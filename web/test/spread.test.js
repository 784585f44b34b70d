import assert from "node:assert/strict";
import { test } from "node:test";
import { KEPT, Spread } from "../spread.js";

const of = (...values) => {
  const spread = new Spread();
  for (const value of values) spread.add(value);
  return spread;
};

test("nearest rank", () => {
  /** @type {[Spread, number|null, number|null][]} */
  const table = [
    [of(), null, null], [of(7), 7, 7], [of(9, 1), 1, 9], [of(30, 10, 20), 20, 30], [of(100, 9, 20), 20, 100],
    [of(...Array.from({ length: 100 }, (_, i) => 100 - i)), 50, 95],
  ];
  for (const [spread, median, p95] of table) assert.deepEqual([spread.at(0.5), spread.at(0.95)], [median, p95]);
});

test("only the newest count", () => {
  const spread = of(...Array(KEPT).fill(1000));
  for (let i = 0; i < KEPT; i++) spread.add(i);
  assert.deepEqual([spread.at(1), spread.at(0.5)], [KEPT - 1, KEPT / 2 - 1]);
});
