import assert from "node:assert/strict";
import { test } from "node:test";
import { cameraOf, hashOf, roomOf, socketOf } from "../address.js";

test("the room", () => {
  const table = { "": "main", "?room=": "main", "?room=hall-2": "hall-2", "?a=1&room=x_y": "x_y", "?room=No%20Such": "main", "?room=../x": "main" };
  for (const [search, want] of Object.entries(table)) assert.equal(roomOf(search), want, search);
});

test("the camera", () => {
  const table = { "": "", "#": "", "#/camera/cab01": "cab01", "#/camera/": "", "#/camera/a/b": "", "#/camera/%3Cb%3E": "", "#cab01": "" };
  for (const [hash, want] of Object.entries(table)) assert.equal(cameraOf(hash), want, hash);
  assert.equal(cameraOf(hashOf("cab01")), "cab01");
  assert.equal(hashOf(""), "");
});

test("the WebSocket lies beside the page, under any prefix", () => {
  const table = {
    "http://host:8080/": "ws://host:8080/ws",
    "https://host/cameras/?room=x#/camera/y": "wss://host/cameras/ws",
    "https://host/cameras/index.html": "wss://host/cameras/ws",
  };
  for (const [base, want] of Object.entries(table)) assert.equal(socketOf(base), want, base);
});
