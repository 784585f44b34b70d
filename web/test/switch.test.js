import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";
import { Switch } from "../switch.js";

let now;
mock.method(performance, "now", () => now);
beforeEach(() => (now = 1000));

/** A switch to camera b, clicked at 1000 ms, whose next frame of the screen comes when the test says so. */
function clicked() {
  const told = [];
  const frames = [];
  const change = new Switch("b", 1000, (callback) => frames.push(callback), (took) => told.push({ ...took }));
  const next = (at) => {
    now = at;
    for (const callback of frames.splice(0)) callback();
  };
  return { change, told, frames, next };
}
const picture = (arrived, ageMs, more) => ({ camera: "b", notLive: false, arrived, ageMs, ...more });

test("a first picture that was taken before the click, then one after it", () => {
  const { change, told, next } = clicked();
  change.drawn(picture(1020, 30));
  assert.deepEqual(told, []); // drawn is not seen
  next(1032);
  assert.deepEqual(told, [{ ms: 32, liveMs: null }]);
  change.drawn(picture(1040, 45)); // taken at 995
  next(1048);
  assert.equal(change.done, false);
  change.drawn(picture(1060, 20));
  next(1075);
  assert.deepEqual(told[1], { ms: 32, liveMs: 75 });
  assert.equal(change.done, true);
  change.drawn(picture(1100, 20));
  next(1110);
  assert.equal(told.length, 2);
});

test("a first picture that was taken after the click is both", () => {
  const { change, told, next } = clicked();
  change.drawn(picture(1050, 10));
  next(1060);
  assert.deepEqual(told, [{ ms: 60, liveMs: 60 }]);
  assert.equal(change.done, true);
});

test("two pictures before the screen's next frame are seen together", () => {
  const { change, told, frames, next } = clicked();
  change.drawn(picture(1020, 30));
  change.drawn(picture(1025, 10));
  assert.equal(frames.length, 1);
  next(1030);
  assert.deepEqual(told, [{ ms: 30, liveMs: 30 }]);
});

test("a last known picture is a picture, but not a live one, however young", () => {
  const { change, told, next } = clicked();
  change.drawn(picture(1020, 5, { notLive: true }));
  next(1030);
  assert.deepEqual(told, [{ ms: 30, liveMs: null }]);
});

test("pictures of other cameras do not count", () => {
  const { change, frames } = clicked();
  change.drawn(picture(1020, 5, { camera: "a" }));
  assert.equal(frames.length, 0);
});
