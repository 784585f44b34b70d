import assert from "node:assert/strict";
import { test } from "node:test";
import { chosen } from "../patrolform.js";
import { nameOf, roomAddress, roomNamed, Rooms } from "../rooms.js";

/** @param {Record<string, string>} [kept] */
function page(kept = {}) {
  const sent = [], told = [];
  const store = { kept, getItem: (key) => kept[key] ?? null, setItem: (key, value) => (kept[key] = value) };
  const rooms = new Rooms((message) => sent.push(message), "main", store);
  for (const type of ["people", "patrol", "rooms", "drives"]) rooms.addEventListener(type, () => told.push(type));
  return { rooms, sent, told, kept };
}

test("it joins with each connection, and again with another name", () => {
  const { rooms, sent } = page({ "linkstart.name": "Anna" });
  rooms.received({ type: "hello", you: "x-1", rooms: [{ room: "main", camera: "a" }, { room: "hall", camera: "b" }] });
  rooms.name = "  Anna\u202e B ";
  rooms.name = "Anna B";
  rooms.lost();
  rooms.name = "C"; // told with the next connection
  rooms.received({ type: "hello", you: "x-2" });
  assert.deepEqual(sent.map(({ room, name }) => `${room} ${name}`), ["main Anna", "main Anna B", "main C"]);
  assert.deepEqual(rooms.known, ["hall", "main"]);
});

test("people and who switched last", () => {
  const { rooms, told } = page();
  rooms.received({ type: "people", room: "hall", people: [{ id: "z" }], count: 1 });
  assert.deepEqual([rooms.count, told.length], [0, 0]);
  const people = [{ id: "a" }, { id: "b", selected: "2026-01-01T10:00:00Z" }, { id: "c", selected: "2026-01-01T10:00:01+00:00" }, null, { id: 7 }];
  rooms.received({ type: "people", room: "main", people, count: 120 });
  assert.deepEqual([rooms.people.length, rooms.count, rooms.driver?.id], [3, 120, "c"]);
  rooms.lost();
  assert.deepEqual([rooms.people.length, rooms.count, rooms.driver], [0, 0, undefined]);
});

test("a patrol, also below an alarm", () => {
  const { rooms, told } = page();
  const patrol = { every_s: 10, since: "2026-01-01T00:00:00Z" };
  rooms.received({ type: "room", room: "hall", camera: "a", patrol });
  assert.equal(rooms.patrol, null);
  rooms.received({ type: "room", room: "main", camera: "a", patrol });
  assert.equal(rooms.patrolled, "a");
  rooms.received({ type: "room", room: "main", camera: "b", alarm: { camera: "b" }, patrol });
  assert.equal(rooms.patrolled, "");
  assert.equal(rooms.patrol, patrol);
  rooms.received({ type: "room", room: "main", camera: "b" });
  assert.equal(rooms.patrol, null);
  assert.deepEqual(told, ["rooms", "patrol", "patrol", "patrol"]);
  rooms.received({ type: "room", room: "main", camera: "b", patrol });
  rooms.received({ type: "hello", rooms: [] }); // the server was started anew, and knows of none
  assert.equal(rooms.patrol, null);
});

test("what the user sets is kept, where the browser keeps anything", () => {
  const { rooms, kept, told } = page();
  assert.equal(rooms.drives, true);
  rooms.drives = false;
  rooms.drives = false;
  rooms.name = "Bo";
  assert.deepEqual(told, ["drives"]);
  assert.deepEqual([page(kept).rooms.drives, page(kept).rooms.name], [false, "Bo"]);
  const broken = { getItem() { throw new Error("forbidden"); }, setItem() { throw new Error("forbidden"); } };
  for (const none of [null, broken]) {
    const alone = new Rooms(() => {}, "main", none);
    alone.name = "Cai";
    alone.drives = false;
    assert.deepEqual([alone.name, alone.drives], ["Cai", false]);
  }
});

test("names", () => {
  assert.equal(nameOf(" \u0007王 小\u200e明\n"), "王 小明");
  assert.equal([...nameOf("🚒".repeat(50))].length, 40);
  const rooms = { "Control Room": "control-room", " hall_2 ": "hall_2", "": "", "-x": "", "大厅": "", "a/b": "", ["x".repeat(64)]: "" };
  for (const [text, want] of Object.entries(rooms)) assert.equal(roomNamed(text), want, text);
});

test("the address of another room keeps all but the own choice", () => {
  const table = [
    ["http://h/p/?room=a&kiosk#/camera/x", "b", "http://h/p/?room=b&kiosk="],
    ["http://h/p/?kiosk=1#/wall/9?group=g", "b", "http://h/p/?kiosk=1&room=b#/wall/9?group=g"],
    ["http://h/?room=a", "main", "http://h/"],
  ];
  for (const [from, room, want] of table) assert.equal(roomAddress(from, room), want);
});

test("the cameras of a patrol", () => {
  const cameras = /** @type {any[]} */ ([{ id: "a", group: "g" }, { id: "b" }, { id: "c", group: "g" }]);
  assert.equal(chosen(cameras, "all", "g", new Set()), null);
  assert.deepEqual(chosen(cameras, "group", "g", new Set(["b"])), ["a", "c"]);
  assert.deepEqual(chosen(cameras, "group", "", new Set()), ["b"]);
  assert.deepEqual(chosen(cameras, "some", "g", new Set(["c", "b", "gone"])), ["b", "c"]);
});
