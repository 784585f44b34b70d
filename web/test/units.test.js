import assert from "node:assert/strict";
import { test } from "node:test";
import { bitrate, duration, rate, stamp } from "../units.js";

test("durations", () => {
  /** @type {[number|null|undefined, string][]} */
  const table = [
    [0, "0 ms"], [41.6, "42 ms"], [999.4, "999 ms"], [999.5, "1.0 s"], [2449, "2.4 s"], [59_949, "59.9 s"], [59_950, "1 min 00 s"],
    [3_599_000, "59 min 59 s"], [3_600_000, "1 h 00 min"], [7_505_000, "2 h 05 min"], [360_000_000, "100 h 00 min"],
    [-1, "–"], [NaN, "–"], [Infinity, "–"], [undefined, "–"], [null, "–"],
  ];
  for (const [ms, want] of table) assert.equal(duration(ms), want, String(ms));
});

test("bit rates", () => {
  /** @type {[number|null|undefined, string][]} */
  const table = [[0, "0 kbit/s"], [120_400, "120 kbit/s"], [4_470_000, "4.5 Mbit/s"], [-1, "–"], [undefined, "–"]];
  for (const [bits, want] of table) assert.equal(bitrate(bits), want, String(bits));
});

test("rates", () => {
  /** @type {[number|null|undefined, string][]} */
  const table = [[24.96, "25.0"], [0, "0.0"], [NaN, "–"], [undefined, "–"]];
  for (const [value, want] of table) assert.equal(rate(value), want, String(value));
});

test("a time for a file name", () => {
  assert.equal(stamp(new Date(2026, 0, 2, 3, 4, 5)), "20260102-030405");
});
