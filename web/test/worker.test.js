import assert from "node:assert/strict";
import { after, before, mock, test } from "node:test";

/** What a worker finds around it. @type {any} */
const scope = globalThis;

/** The worker with a socket, a decoder and a clock that the test moves. */
const sent = [];
const posted = [];
let socket;
let wall = 1_790_000_000_000;
/** @type {{run: () => void, due: number, every?: number}[]} those that Node.js mocks differ from version to version */
const timers = [];
let clock = 0;

/** Lets ms pass for timers. */
function tick(ms) {
  clock += ms;
  timers.forEach((timer, index) => {
    if (timer.due > clock) return;
    if (timer.every) timer.due = clock + timer.every;
    else delete timers[index];
    timer.run();
  });
}

before(async () => {
  scope.WebSocket = class {
    static OPEN = 1;
    readyState = 1;
    constructor() {
      socket = this;
    }
    send(text) {
      sent.push(JSON.parse(text));
    }
    close() {}
  };
  scope.onmessage = null; // the module assigns it
  scope.postMessage = (message) => posted.push(message);
  scope.createImageBitmap = async () => ({ width: 4, height: 3, close() {} });
  mock.method(Date, "now", () => wall);
  mock.method(globalThis, "setTimeout", (run, ms) => timers.push({ run, due: clock + ms }));
  mock.method(globalThis, "setInterval", (run, ms) => timers.push({ run, due: clock + ms, every: ms }));
  for (const stop of /** @type {const} */ (["clearTimeout", "clearInterval"])) mock.method(globalThis, stop, (id) => delete timers[id - 1]);
  await import("../worker.js");
  const canvas = { width: 4, height: 3, getContext: () => ({ drawImage() {} }) };
  scope.onmessage({ data: { do: "open", url: "ws://host/ws" } });
  scope.onmessage({ data: { do: "canvas", stream: 1, canvas, figures: true } });
  scope.onmessage({ data: { do: "want", message: { type: "follow", stream: 1, room: "main" } } });
  socket.onopen();
});
after(() => mock.restoreAll());

const settle = () => new Promise((resolve) => setImmediate(resolve));
const says = (message) => socket.onmessage({ data: JSON.stringify(message) });
const pings = () => sent.filter(({ type }) => type === "ping");
const acks = () => sent.filter(({ type }) => type === "ack").map(({ seq }) => seq);
const seen = () => posted.filter(({ is }) => is === "shown").map(({ figures }) => `${figures.camera}${figures.seq}`);

/** A frame arrives; captured grows with its number. */
async function frame(seq, stream = 1) {
  const view = new DataView(new ArrayBuffer(25));
  view.setUint8(0, 1);
  view.setUint16(2, stream);
  view.setUint32(4, seq);
  view.setBigInt64(8, BigInt(seq));
  socket.onmessage({ data: view.buffer });
  await settle();
}
/** What is on the canvas now, by the next report. */
function drawn() {
  posted.length = 0;
  tick(250);
  return posted.find(({ is }) => is === "figures")?.figures.seq;
}

test("after a stop everything is old until the server has answered", async () => {
  says({ type: "watching", stream: 1, camera: "a" });
  await frame(1);
  assert.deepEqual(seen(), ["a1"]);
  const before = pings().length;
  wall += 60_000; // the machine slept, and two frames waited in the socket
  await frame(2);
  await frame(3);
  assert.equal(drawn(), 1);
  assert.deepEqual(acks(), [1, 2, 3]); // or the server would wait for them
  assert.equal(pings().length, before + 1);
  says({ type: "pong", t: pings().at(0).t, now: 0 }); // an answer to an earlier one proves nothing
  await frame(4);
  assert.equal(drawn(), 1);
  says({ type: "pong", t: pings().at(-1).t, now: 0 });
  await frame(5);
  assert.equal(drawn(), 5);
});

test("a page that was hidden draws nothing before the server has said anew what comes", async () => {
  scope.onmessage({ data: { do: "visible", visible: false } });
  tick(2000);
  assert.deepEqual(sent.at(-1), { type: "unwatch", stream: 1 });
  await frame(6);
  scope.onmessage({ data: { do: "visible", visible: true } });
  assert.equal(sent.at(-1).type, "follow");
  await frame(7);
  assert.equal(drawn(), 5);
  says({ type: "watching", stream: 1, camera: "a" });
  await frame(8);
  assert.equal(drawn(), 8);
});

test("a switch is told once with its first picture, with a number that counts only what was seen", async () => {
  const click = (camera) => scope.onmessage({ data: { do: "clicked", stream: 1, camera, at: performance.timeOrigin + performance.now() - 10_000 } });
  click("a"); // is there already
  click("b"); // and overtaken by the next
  click("c");
  says({ type: "watching", stream: 1, camera: "c" });
  posted.length = 0;
  await frame(9);
  await frame(10);
  const told = posted.filter(({ is }) => is === "switched");
  assert.equal(told.length, 1);
  assert.equal(told[0].seq, 1);
  assert.ok(told[0].ms >= 10_000 && told[0].liveMs === told[0].ms, JSON.stringify(told));
  assert.deepEqual(seen(), ["c9"]);
});

test("a connection that comes back draws nothing before the server has said what comes", async () => {
  const old = socket;
  old.onclose({ code: 1006 });
  tick(250);
  socket.onopen();
  await frame(11);
  assert.equal(drawn(), 10);
  says({ type: "watching", stream: 1, camera: "c" });
  await frame(12);
  assert.equal(drawn(), 12);
});

test("between the news that the room switches and the switch, frames of the camera before are not drawn", async () => {
  scope.onmessage({ data: { do: "settled", stream: 1 } });
  says({ type: "room", room: "main", camera: "d" });
  await frame(13); // still c's
  assert.equal(drawn(), 12);
  assert.equal(acks().at(-1), 13);
  says({ type: "watching", stream: 1, camera: "d" });
  await frame(14);
  assert.equal(drawn(), 14);
});

test("who clicks back at once on what is shown sees nothing of the camera in between", async () => {
  const click = (camera) => scope.onmessage({ data: { do: "clicked", stream: 1, camera, at: performance.timeOrigin + performance.now() } });
  click("e");
  click("d");
  says({ type: "watching", stream: 1, camera: "e" });
  await frame(15);
  assert.equal(drawn(), 14);
  says({ type: "watching", stream: 1, camera: "d" });
  await frame(16);
  assert.equal(drawn(), 16);
  scope.onmessage({ data: { do: "settled", stream: 1 } });
});

test("a click that comes to nothing gives back the picture that it covered", async () => {
  const canvas = { width: 4, height: 3, getContext: () => ({ drawImage() {} }) };
  for (const [stream, camera] of [[2, "d"], [3, "f"]]) {
    scope.onmessage({ data: { do: "canvas", stream, canvas, figures: false } });
    scope.onmessage({ data: { do: "want", message: { type: "watch", stream, camera } } });
    says({ type: "watching", stream, camera });
    await frame(20 + Number(stream), Number(stream));
  }
  posted.length = 0;
  scope.onmessage({ data: { do: "clicked", stream: 1, camera: "f", at: performance.timeOrigin + performance.now() } });
  assert.deepEqual(seen(), ["f23"]);
  scope.onmessage({ data: { do: "settled", stream: 1 } }); // refused: the room shows d as before, whose camera may be still
  assert.deepEqual(seen(), ["f23", "d22"]);
});
