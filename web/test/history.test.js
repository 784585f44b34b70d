import assert from "node:assert/strict";
import { test } from "node:test";
import { History, SPAN_S } from "../history.js";

const info = (fps, age = 40) => ({ fps, bitrate: fps * 1000, age_ms: age });

test("figures come back as columns, the oldest first", () => {
  const history = new History();
  for (let i = 0; i < 3; i++) history.note("a", info(i, i ? 40 : -1), 100 + i);
  assert.deepEqual(history.columns("a", 103), { at: [100, 101, 102], fps: [0, 1, 2], bitrate: [0, 1000, 2000], age: [null, 40, 40] });
  assert.deepEqual(history.columns("b", 103), { at: [], fps: [], bitrate: [], age: [] });
});

test("five minutes are kept, however long it goes on", () => {
  const history = new History();
  for (let i = 0; i < 2000; i++) history.note("a", info(i), 1000 + i);
  const { at, fps } = history.columns("a", 3000);
  assert.equal(at[0], 3000 - SPAN_S);
  assert.equal(fps.at(-1), 1999);
  assert.equal(at.length, SPAN_S);
});

test("what comes in a burst counts once", () => {
  const history = new History();
  for (let i = 0; i < 100; i++) history.note("a", info(i), 100 + i / 1000);
  assert.deepEqual(history.columns("a", 101).fps, [99]);
});

test("where nothing was heard there is no line", () => {
  const history = new History();
  for (const at of [100, 101, 110, 111]) history.note("a", info(5), at);
  assert.deepEqual(history.columns("a", 112).at, [100, 101, 102, 110, 111]);
  assert.deepEqual(history.columns("a", 112).fps, [5, 5, null, 5, 5]);
});

test("a clock that is set back begins anew", () => {
  const history = new History();
  history.note("a", info(1), 1000);
  history.note("a", info(2), 500);
  assert.deepEqual(history.columns("a", 501).fps, [2]);
});

test("of too many cameras the one that was not heard for longest goes", () => {
  const history = new History();
  history.note("old", info(1), 100);
  history.note("kept", info(1), 100);
  for (let i = 0; i < 62; i++) history.note(`c${i}`, info(1), 101);
  history.note("kept", info(2), 102);
  history.note("new", info(3), 103);
  assert.deepEqual(history.columns("old", 103).fps, []);
  assert.deepEqual(history.columns("kept", 103).fps, [1, 2]);
});
