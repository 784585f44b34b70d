import assert from "node:assert/strict";
import { test } from "node:test";
import { actOf, BINDINGS } from "../keys.js";
import { en } from "../text-en.js";

const press = (/** @type {string} */ key, more = {}) => ({ key, ctrlKey: false, altKey: false, metaKey: false, ...more });

test("keys do what the sheet says", () => {
  const table = { f: "fullscreen", F: "fullscreen", w: "wall", W: "larger", "5": "number", "?": "help", Escape: "back", PageDown: "page_next", q: "" };
  for (const [key, want] of Object.entries(table)) assert.equal(actOf(press(key), true), want, key);
  assert.equal(actOf(press("f", { ctrlKey: true }), true), "");
  assert.equal(actOf(press("f", { repeat: true }), true), "");
  assert.equal(actOf(press("+", { repeat: true }), true), "zoom_in");
});

test("single keys can be turned off, others not", () => {
  assert.equal(actOf(press("f"), false), "");
  assert.equal(actOf(press("Escape"), false), "back");
});

test("no key means two things, and all are explained", () => {
  const all = Object.values(BINDINGS).flat();
  const keys = all.flatMap((binding) => binding.keys);
  assert.equal(new Set(keys).size, keys.length);
  for (const key of [...Object.keys(BINDINGS), ...all.map((binding) => binding.text)]) assert.ok(Object.hasOwn(en, key), key);
});
