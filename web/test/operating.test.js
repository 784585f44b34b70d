import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { causeWord, countsInWords } from "../causes.js";
import { Texts } from "../i18n.js";
import { secondsLeft } from "../retry.js";

const en = new Texts("en");
const zh = new Texts("zh");

test("every cause that the server knows has a word in both languages", () => {
  const source = readFileSync(new URL("../../pkg/camera/failure.go", import.meta.url), "utf8");
  const causes = [...source.matchAll(/Cause\w+\s+Cause = "(\w+)"/g)].map(([, cause]) => cause);
  assert.ok(causes.length >= 10);
  for (const cause of causes) for (const texts of [en, zh]) assert.notEqual(causeWord(cause, texts), cause);
  assert.notEqual(causeWord("hang", en), causeWord("hang", zh));
});

test("a cause that is not known yet is told as it came", () => {
  assert.equal(causeWord("flood", en), "flood");
  assert.equal(causeWord("toString", en), "toString");
});

test("restarts are counted in words, the most frequent first", () => {
  assert.equal(countsInWords({ exit: 0, hang: 1, order: 3 }, en), "3 × Ordered by a user, 1 × Process hung");
  assert.equal(countsInWords({ exit: 0 }, en), "");
  assert.equal(countsInWords(undefined, en), "");
});

test("the next try is told only where there is one", () => {
  const now = Date.parse("2026-01-31T12:00:00Z");
  const left = (state, retry_at) => secondsLeft({ state, retry_at }, now);
  assert.equal(left("reconnecting", "2026-01-31T12:00:12Z"), 12);
  assert.equal(left("crash_loop", "2026-01-31T13:00:00.2+01:00"), 1);
  assert.equal(left("reconnecting", "2026-01-31T11:59:59Z"), 0);
  assert.equal(left("live", "2026-01-31T12:00:12Z"), null);
  assert.equal(left("reconnecting", ""), null);
  assert.equal(left("reconnecting", "soon"), null);
  assert.equal(secondsLeft(undefined, now), null);
});
