import assert from "node:assert/strict";
import { test } from "node:test";
import { LineSplitter, LogLines, MOST_LINES, parseLine } from "../loglines.js";

test("pieces become lines", () => {
  const splitter = new LineSplitter();
  assert.deepEqual(splitter.push("one\ntw"), ["one"]);
  assert.deepEqual(splitter.push("o\r\n\nthree"), ["two", ""]);
  assert.deepEqual(splitter.push("\n"), ["three"]);
});

test("a line without end is cut", () => {
  const splitter = new LineSplitter();
  for (let i = 0; i < 100; i++) assert.deepEqual(splitter.push("x".repeat(1000)), []);
  assert.equal(splitter.push("\n")[0].length, 8192);
});

test("the newest lines are kept", () => {
  const lines = new LogLines();
  lines.add(Array.from({ length: 3 * MOST_LINES }, (_, i) => `a${i}`));
  for (let i = 0; i < 10; i++) lines.add([`b${i}`]);
  const kept = lines.matching("");
  assert.equal(kept.length, MOST_LINES);
  assert.equal(kept.at(-1), "b9");
  assert.equal(lines.total, 3 * MOST_LINES + 10);
  lines.clear();
  assert.deepEqual(lines.matching(""), []);
});

test("only what is new, also where some of it is gone already", () => {
  const lines = new LogLines();
  lines.add(["a", "b", "c"]);
  assert.deepEqual(lines.matching("", 1), ["b", "c"]);
  assert.deepEqual(lines.matching("", 3), []);
  lines.add(Array.from({ length: MOST_LINES }, (_, i) => String(i)));
  assert.equal(lines.matching("", 3).length, MOST_LINES);
  assert.equal(lines.matching("", 1).length, MOST_LINES);
});

test("a filter wants all its words, in whatever case", () => {
  const lines = new LogLines();
  lines.add(["INFO restart ordered", "WARN camera lost", "INFO Restart done"]);
  assert.deepEqual(lines.matching("RESTART"), ["INFO restart ordered", "INFO Restart done"]);
  assert.deepEqual(lines.matching("  restart  info done"), ["INFO Restart done"]);
  assert.deepEqual(lines.matching(".*"), []);
  assert.deepEqual(lines.matching("restart", 1), ["INFO Restart done"]);
});

test("a line is taken apart, and one of another form is all text", () => {
  const { time, level, text } = parseLine("2026-01-31T12:00:00.123+01:00 WARN camera lost err=refused: no way");
  assert.equal(time.toISOString(), "2026-01-31T11:00:00.123Z");
  assert.deepEqual([level, text], ["WARN", "camera lost err=refused: no way"]);
  for (const odd of ["", "panic: oh", "2026-99-99T99:99:99Z INFO x", "2026-01-31T12:00:00Z LOUD x"]) {
    assert.deepEqual(parseLine(odd), { time: null, level: "", text: odd });
  }
});
