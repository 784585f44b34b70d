import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { language, tables, Texts } from "../i18n.js";

const folder = new URL("../", import.meta.url);
const read = (name) => readFileSync(new URL(name, folder), "utf8");
const names = (text) => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1]).sort();

test("both languages have the same keys, in the same order", () => {
  assert.deepEqual(Object.keys(tables.zh), Object.keys(tables.en));
});

test("both languages name the same values", () => {
  for (const key of Object.keys(tables.en)) assert.deepEqual(names(tables.zh[key]), names(tables.en[key]), key);
});

test("no text is empty, but that live needs no explanation", () => {
  for (const [name, table] of Object.entries(tables)) {
    for (const [key, text] of Object.entries(table)) assert.ok(text !== "" || key === "meaning_live", `${name} ${key}`);
  }
});

test("every text is used, and every one that is used is there", () => {
  const sources = readdirSync(folder).filter((name) => /^(?!text-).*\.(js|html)$/.test(name)).map(read).join("\n");
  for (const key of Object.keys(tables.en)) {
    if (!/^(state|meaning)_/.test(key)) assert.match(sources, new RegExp(`\\b${key}\\b`), key);
  }
  for (const [, key] of sources.matchAll(/(?:\b(?:texts|t)\.get\(|data-text=|data-label=|data-hint=)"([a-z_]+)"/g)) {
    if (key !== "room") assert.ok(Object.hasOwn(tables.en, key), key);
  }
});

test("a state has a word and a shape of its own", () => {
  const page = read("index.html");
  for (const state of ["starting", "live", "reconnecting", "frozen", "waiting", "crash_loop", "misconfigured", "stopped"]) {
    for (const table of Object.values(tables)) assert.ok(table[`state_${state}`]);
    assert.match(page, new RegExp(`id="shape-${state}"`));
  }
});

test("the browser's language decides", () => {
  const wanted = { zh: "zh", "zh-CN": "zh", "zh-Hant-TW": "zh", ZH: "zh", en: "en", "de-DE": "en", "": "en", zhx: "en" };
  for (const [tag, want] of Object.entries(wanted)) assert.equal(language(tag), want, tag);
});

test("values go into texts as they are", () => {
  const texts = new Texts("en");
  assert.equal(texts.get("snapshot_saved", { file: "$& {file} <b>" }), "Saved $& {file} <b>");
  assert.equal(texts.get("snapshot_saved"), "Saved {file}");
  assert.equal(texts.state("brand_new"), "brand_new");
  assert.equal(texts.meaning("toString"), "");
  assert.equal(new Texts("zh-CN").duration(125_000), "2 分 05 秒");
});
