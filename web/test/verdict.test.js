import assert from "node:assert/strict";
import { test } from "node:test";
import { judge, STALE_MS } from "../verdict.js";

const good = {
  connected: true,
  target: "cab01",
  info: { state: "live" },
  picture: { camera: "cab01", notLive: false, ageMs: 40 },
};
/** @type {[string, object][]} */
const table = [
  ["", {}],
  ["", { picture: { ...good.picture, ageMs: STALE_MS } }],
  ["connection", { connected: false, target: "", picture: null }],
  ["none", { target: "", info: undefined }],
  ["unknown", { info: undefined }],
  ["state", { info: { state: "frozen" } }],
  ["state", { info: { state: "reconnecting" }, picture: { ...good.picture, notLive: true, ageMs: 1e6 } }],
  ["empty", { picture: null }],
  ["switching", { picture: { ...good.picture, camera: "cab02" } }],
  ["last", { picture: { ...good.picture, notLive: true } }],
  ["stale", { picture: { ...good.picture, ageMs: STALE_MS + 1 } }],
];
for (const [reason, change] of table) {
  test(`${reason || "live"}: ${JSON.stringify(change)}`, () => {
    assert.deepEqual(judge({ ...good, ...change }), { live: reason === "", reason });
  });
}
