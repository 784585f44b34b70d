import assert from "node:assert/strict";
import { test } from "node:test";
import { loginNeeded, offers, renewIn, same } from "../session.js";

const HOUR = 3600_000;

test("somebody has to log in where it is required and nobody has", () => {
  assert.equal(loginNeeded({ required: false }), false);
  assert.equal(loginNeeded({ required: true }), true);
  assert.equal(loginNeeded({ required: true, name: "anna", role: "admin" }), false);
});

test("each role is offered what it may do, and a page without logins has none of their buttons", () => {
  const table = /** @type {[Parameters<typeof offers>[0], string][]} */ ([
    [{ required: false }, "operate administer"],
    [{ required: true, name: "vera", role: "viewer" }, "login"],
    [{ required: true, name: "oskar", role: "operator", limited: true }, "login operate"],
    [{ required: true, name: "anna", role: "admin" }, "login operate administer access"],
    [{ required: true, name: "anna", role: "admin", limited: true }, "login operate"],
    [{ required: true, name: "x", role: "of a later version" }, "login"],
  ]);
  for (const [info, want] of table) assert.equal([...offers(info)].join(" "), want, JSON.stringify(info));
});

test("another person, or other rights, are not the same; a longer time is", () => {
  const anna = { required: true, name: "anna", role: "admin", expires: "2026-01-01T00:00:00Z" };
  assert.ok(same(anna, { ...anna, expires: "2027-01-01T00:00:00Z", limited: false }));
  for (const other of [{ name: "bo" }, { role: "viewer" }, { limited: true }, { required: false }, { name: undefined }]) {
    assert.ok(!same(anna, { ...anna, ...other }), JSON.stringify(other));
  }
});

test("a login is renewed well before it ends, and at least once a day", () => {
  const now = Date.parse("2026-01-01T00:00:00Z");
  const table = { "2026-01-01T02:00:00Z": HOUR, "2026-02-01T00:00:00Z": 24 * HOUR, "2026-01-01T00:00:10Z": 30_000, "": 24 * HOUR };
  for (const [expires, want] of Object.entries(table)) assert.equal(renewIn({ required: true, expires }, now), want, expires);
});
