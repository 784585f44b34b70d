import assert from "node:assert/strict";
import { test } from "node:test";
import { deedWord, matches } from "../auditlog.js";
import { Texts } from "../i18n.js";
import { needOf } from "../keys.js";
import { tokenOf } from "../tokens.js";

test("a token is limited to what was chosen, not to what was ticked before", () => {
  const form = { name: " Recorder ", role: "viewer", which: "all", groups: ["Hall"], cameras: ["a", "b"], days: 0 };
  assert.deepEqual(tokenOf(form, 0), { name: "Recorder", role: "viewer" });
  assert.deepEqual(tokenOf({ ...form, which: "group" }, 0), { name: "Recorder", role: "viewer", groups: ["Hall"] });
  assert.deepEqual(tokenOf({ ...form, which: "some", days: 1 }, 0), {
    name: "Recorder", role: "viewer", cameras: ["a", "b"], expires: "1970-01-02T00:00:00.000Z",
  });
});

test("a filter takes all its words, in whatever case and place", () => {
  const line = ["Anna", "Revoke token", "10.0.0.7"];
  for (const filter of ["", "anna", "TOKEN anna", " 10.0 revoke "]) assert.ok(matches(line, filter), filter);
  for (const filter of ["bo", "anna make"]) assert.ok(!matches(line, filter), filter);
});

test("what is done is said in words, and what this page does not know as it came", () => {
  const texts = new Texts("en");
  assert.equal(deedWord("end patrol", texts), "End patrol");
  assert.equal(deedWord("toString", texts), "toString");
  assert.equal(texts.role("operator"), "Operator");
  assert.equal(texts.role("janitor"), "janitor");
  assert.equal(texts.role(), "");
});

test("keys of operators are nobody else's", () => {
  const table = { restart: "operate", stop: "operate", acknowledge: "operate", add_camera: "administer", access: "access", share: "login", wall: undefined };
  for (const [act, want] of Object.entries(table)) assert.equal(needOf(act), want, act);
});

test("a refusal is said in the user's language", () => {
  const refused = (/** @type {string} */ code) => Object.assign(new Error("This takes the role operator."), { code });
  assert.equal(new Texts("zh").why(refused("forbidden")), "您的登录没有此权限");
  assert.equal(new Texts("en").why(refused("bad_camera")), "This takes the role operator.");
});
