import assert from "node:assert/strict";
import { test } from "node:test";
import { valid } from "../settings.js";

test("only what this version understands is taken from the browser's memory", () => {
  assert.deepEqual(valid({ lang: "fr", theme: "light", fit: 3, keys: false, order: ["a", 1], other: true }), { theme: "light", keys: false, order: ["a"] });
  for (const stored of [null, 1, "x", []]) assert.deepEqual(valid(stored), {});
});
