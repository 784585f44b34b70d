import assert from "node:assert/strict";
import { test } from "node:test";
import { hashOf, roomOf, socketOf, viewOf, wishesOf } from "../address.js";

test("the room", () => {
  const table = { "": "main", "?room=": "main", "?room=hall-2": "hall-2", "?a=1&room=x_y": "x_y", "?room=No%20Such": "main", "?room=../x": "main" };
  for (const [search, want] of Object.entries(table)) assert.equal(roomOf(search), want, search);
});

const room = { kind: "room" };
const wall = (/** @type {object} */ wishes) => ({ kind: "wall", tiles: 9, group: "", page: 0, every: 0, ...wishes });

test("the view", () => {
  const table = {
    "": room, "#": room, "#/camera/cab01": { kind: "camera", camera: "cab01" }, "#/camera/": room, "#/camera/a/b": room,
    "#/camera/%3Cb%3E": room, "#cab01": room, "#/wall/9": wall({}), "#/wall/all": wall({ tiles: 0 }), "#/wall/": room, "#/wall/7": room,
    "#/wall/16?group=%E4%B8%80%E6%A5%BC&page=3&every=10": wall({ tiles: 16, group: "一楼", page: 2, every: 10 }),
    "#/wall/9?page=0&every=0.1": wall({ every: 2 }), "#/wall/9?page=x&every=-1": wall({}), "#/wall/9/x": room,
  };
  for (const [hash, want] of Object.entries(table)) assert.deepEqual(viewOf(hash), want, hash);
});

test("a view's address leads back to it", () => {
  assert.equal(hashOf({ kind: "room" }), "");
  for (const hash of ["#/camera/cab01", "#/wall/9", "#/wall/all?group=A+%26+B", "#/wall/1?page=2&every=10"]) assert.equal(hashOf(viewOf(hash)), hash);
});

test("what is asked for before the #", () => {
  assert.deepEqual(wishesOf("?kiosk&lang=zh&theme=light"), { kiosk: true, lang: "zh", theme: "light" });
  assert.deepEqual(wishesOf(""), { kiosk: false, lang: "", theme: "" });
});

test("the WebSocket lies beside the page, under any prefix", () => {
  const table = {
    "http://host:8080/": "ws://host:8080/ws",
    "https://host/cameras/?room=x#/camera/y": "wss://host/cameras/ws",
    "https://host/cameras/index.html": "wss://host/cameras/ws",
  };
  for (const [base, want] of Object.entries(table)) assert.equal(socketOf(base), want, base);
});
