/**
 * The part of the viewer that works off the main thread: it owns the WebSocket, decodes and draws. It is given one canvas
 * for each stream and told what each stream should show; it reports back a few times a second, however many frames come.
 */
import { parseFrame } from "./frame.js";
import { Link } from "./link.js";
import { Painter } from "./painter.js";
import { Switch } from "./switch.js";
import { STALE_MS } from "./verdict.js";

/** Figures go to the page at most so often, ms. */
const REPORT_MS = 250;
/** A page that is hidden for so long stops watching, ms. */
const SLEEP_MS = 2000;
/** A worker that has not run for so long (a machine asleep, a tab frozen) finds only old frames waiting, ms. */
const STOPPED_MS = 2000;

/** @type {Map<number, Painter>} */
const painters = new Map();
/** @type {Map<number, {room?: string}>} what each stream should show, as the message that asks for it */
const wants = new Map();
/** @type {Map<number, boolean>} for streams that report changes only: whether the picture was live when last reported */
const told = new Map();
/** @type {Set<number>} streams that report all their figures */
const talkative = new Set();
/** @type {Map<number, Switch>} */
const switches = new Map();
/** Where there are no frames of the screen to be told of, a picture counts once it is drawn. */
const nextFrame = (/** @type {() => void} */ callback) => ("requestAnimationFrame" in globalThis ? requestAnimationFrame(callback) : callback());

/** @type {Link} */ let link;
let asleep = false;
let pinned = 0; // a stream that is seen although the page is hidden, 0 for none
/** @type {ReturnType<typeof setTimeout>|undefined} */ let sleepTimer;
/** @type {ReturnType<typeof setInterval>|undefined} */ let reportTimer;
let ran = Date.now(); // not performance.now(), which may stand still while the machine sleeps
let way = 0; // ms from the server to here
let switched = 0; // how many switches were measured

/** What the page may ask for. */
const commands = {
  open(/** @type {{url: string}} */ { url }) {
    link = new Link(url, {
      open: connected,
      message: received,
      binary: arrived,
      state: (state, retryMs, code) => postMessage({ is: "connection", state, retryMs, code }),
      delay: (ms, ahead) => {
        way = ms / 2;
        postMessage({ is: "delay", ms, ahead });
      },
    });
    link.connect();
    reportTimer = setInterval(report, REPORT_MS);
  },
  canvas(/** @type {{stream: number, canvas: OffscreenCanvas, figures: boolean}} */ { stream, canvas, figures }) {
    const ack = (/** @type {number} */ seq) => link.send({ type: "ack", stream, seq });
    painters.set(stream, new Painter(stream, canvas, ack, (picture, news) => drawn(stream, picture, news)));
    if (figures) talkative.add(stream);
  },
  /** The user wants this camera, by a click at that time, ms since the Unix epoch. */
  clicked(/** @type {{stream: number, camera: string, at: number}} */ { stream, camera, at }) {
    switches.delete(stream);
    painters.get(stream)?.want(camera); // what is still on its way of others would only flicker
    if (painters.get(stream)?.camera === camera) return; // it is there
    instant(stream, camera);
    let seq = 0;
    const change = new Switch(camera, at - performance.timeOrigin, nextFrame, (took) => {
      if (switches.get(stream) !== change) return; // another click, or nobody looks any more
      if (change.done) switches.delete(stream);
      seq ||= ++switched;
      postMessage({ is: "switched", stream, seq, ...took });
    });
    switches.set(stream, change);
  },
  /** expected: where the server decides, the camera that it is known to show. */
  want(/** @type {{message: {stream: number, camera?: string, room?: string}, expected?: string}} */ { message, expected }) {
    wants.set(message.stream, message);
    painters.get(message.stream)?.want(message.camera ?? null);
    if (expected) painters.get(message.stream)?.expect(expected);
    instant(message.stream, message.camera ?? expected);
    if (awake(message.stream)) link.send(message);
  },
  /** Whether this stream is seen also while the page is hidden: there is one at most. */
  pin(/** @type {{stream: number, on: boolean}} */ { stream, on }) {
    pinned = on ? stream : 0;
    if (!asleep || !wants.has(stream)) return;
    if (on) link.send(/** @type {object} */ (wants.get(stream)));
    else rest(stream);
  },
  /** The server decides again which camera this stream shows, after a click that came before its answer. */
  settled(/** @type {{stream: number}} */ { stream }) {
    const painter = painters.get(stream);
    painter?.want(null);
    if (painter?.borrowed && painter.camera !== painter.source) instant(stream, painter.source); // the click came to nothing
  },
  unwant(/** @type {{stream: number}} */ { stream }) {
    painters.get(stream)?.want("");
    if (wants.delete(stream) && awake(stream)) link.send({ type: "unwatch", stream });
  },
  forget(/** @type {{stream: number}} */ { stream }) {
    commands.unwant({ stream });
    painters.get(stream)?.close();
    painters.delete(stream);
    told.delete(stream);
    switches.delete(stream);
    talkative.delete(stream);
  },
  send(/** @type {{message: object}} */ { message }) {
    if (!link.send(message)) postMessage({ is: "unsent", message });
  },
  visible(/** @type {{visible: boolean}} */ { visible }) {
    clearTimeout(sleepTimer);
    if (visible) return wake();
    switches.clear(); // nobody sees them
    sleepTimer = setTimeout(sleep, SLEEP_MS);
  },
  probe() {
    link.probe();
  },
};

onmessage = ({ data }) => commands[/** @type {keyof typeof commands} */ (data.do)](data);

/** The picture that another canvas has of this camera, until one of its own is here. @param {number} stream @param {string} [camera] */
function instant(stream, camera) {
  const painter = camera && painters.get(stream);
  const other = painter && [...painters.values()].find((one) => one !== painter && one.camera === camera);
  if (other) painter.borrow(other);
}

/** What was on its way is lost or old: nothing is drawn until the server has said anew what a stream shows. */
function connected() {
  for (const painter of painters.values()) painter.switchTo("");
  askAll();
}

function askAll() {
  for (const [stream, message] of wants) if (awake(stream)) link.send(message);
}

/** Somebody may see this stream. @param {number} stream */
function awake(stream) {
  return !asleep || stream === pinned;
}

function sleep() {
  asleep = true;
  clearInterval(reportTimer);
  for (const stream of wants.keys()) if (!awake(stream)) rest(stream);
}

/** Watches no more, until the page is seen again. @param {number} stream */
function rest(stream) {
  painters.get(stream)?.switchTo("");
  link.send({ type: "unwatch", stream });
}

function wake() {
  link.probe();
  if (!asleep) return;
  asleep = false;
  ran = Date.now();
  reportTimer = setInterval(report, REPORT_MS);
  askAll();
}

/** @param {Record<string, any>} message */
function received(message) {
  if (message.type === "watching") painters.get(message.stream)?.switchTo(String(message.camera));
  if (message.type === "room") announced(String(message.room), String(message.camera ?? ""));
  postMessage({ is: "message", message });
}

/** Streams that follow the room will switch. @param {string} room @param {string} camera */
function announced(room, camera) {
  for (const [stream, want] of wants) if (want.room === room) painters.get(stream)?.expect(camera);
}

/** @param {ArrayBuffer} data @param {boolean} old */
function arrived(data, old) {
  const frame = parseFrame(data);
  const painter = frame && painters.get(frame.stream);
  if (!painter) return;
  if (old || stopped()) return painter.pass(frame);
  frame.ageMs += way;
  painter.offer(frame);
}

/** Whether the worker runs again after a stop: what has been waiting since is old. */
function stopped() {
  const now = Date.now();
  const gap = now - ran;
  ran = now;
  if (gap < STOPPED_MS || asleep) return false;
  link.catchUp();
  return true;
}

/** @param {number} stream @param {import("./painter.js").Picture} picture @param {boolean} news to be told at once */
function drawn(stream, picture, news) {
  if (news) postMessage({ is: "shown", figures: painters.get(stream)?.figures() });
  if (!painters.get(stream)?.borrowed) switches.get(stream)?.drawn(picture); // a loan is no answer to a click
}

function report() {
  stopped();
  for (const [stream, painter] of painters) {
    const figures = painter.figures();
    if (!figures || (!talkative.has(stream) && !changed(stream, figures))) continue;
    postMessage({ is: "figures", figures });
  }
}

/** @param {number} stream @param {import("./painter.js").Figures} figures */
function changed(stream, figures) {
  // A tile asks for few pictures a second, so one may be older by a moment before the next is due.
  const live = !figures.notLive && figures.ageMs < STALE_MS + 1000;
  if (told.get(stream) === live) return false;
  told.set(stream, live);
  return true;
}
