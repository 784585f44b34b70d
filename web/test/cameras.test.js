import assert from "node:assert/strict";
import { test } from "node:test";
import { Cameras } from "../cameras.js";

test("cameras are counted as they change, and told as a list when they are called otherwise", () => {
  const cameras = new Cameras();
  const told = [];
  for (const type of ["list", "status"]) cameras.addEventListener(type, () => told.push(type));
  const is = (camera, more) => cameras.status({ type: "status", camera, name: camera.toUpperCase(), group: "", ...more });
  cameras.replace([{ id: "a", name: "A", group: "", state: "live" }, { id: "b", name: "B", group: "", state: "stopped" }]);
  assert.deepEqual([cameras.live, cameras.count], [1, 2]);
  is("a", { state: "live" });
  is("b", { state: "live" });
  assert.equal(cameras.live, 2);
  is("a", { state: "frozen" });
  is("nobody", { state: "live" });
  assert.deepEqual([cameras.live, cameras.count], [1, 2]);
  assert.deepEqual(told, ["list", "status", "status", "status"]);
  is("b", { state: "live", group: "Hall" });
  assert.deepEqual(told.slice(4), ["status", "list"]);
});
