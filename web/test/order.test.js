import assert from "node:assert/strict";
import { test } from "node:test";
import { arrange, move } from "../order.js";

const infos = ["a", "b", "c", "d"].map((id) => ({ id }));
const ids = (/** @type {string[]} */ order) => arrange(infos, order).map((info) => info.id).join("");

test("the user's order, with newcomers behind the one before them", () => {
  assert.equal(ids([]), "abcd");
  assert.equal(ids([..."dcba"]), "dcba");
  assert.equal(ids([..."ba"]), "bcda");
  assert.equal(ids(["gone", "c", "a"]), "cdab");
});

test("one that moves takes the place of another", () => {
  assert.deepEqual(move(["a", "b", "c"], "a", "c"), ["b", "c", "a"]);
  assert.deepEqual(move(["a", "b", "c"], "c", "a"), ["c", "a", "b"]);
  assert.deepEqual(move(["a", "b", "c"], "b", "b"), ["a", "b", "c"]);
  assert.deepEqual(move(["a", "b", "c"], "b", "gone"), ["a", "b", "c"]);
});
