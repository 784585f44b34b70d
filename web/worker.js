/**
 * The part of the viewer that works off the main thread: it owns the WebSocket, decodes and draws. It is given one canvas
 * for each stream and told what each stream should show; it reports back a few times a second, however many frames come.
 */
import { parseFrame } from "./frame.js";
import { Link } from "./link.js";
import { Painter } from "./painter.js";
import { STALE_MS } from "./verdict.js";

/** Figures go to the page at most so often, ms. */
const REPORT_MS = 250;
/** A page that is hidden for so long stops watching, ms. */
const SLEEP_MS = 2000;

/** @type {Map<number, Painter>} */
const painters = new Map();
/** @type {Map<number, object>} what each stream should show, as the message that asks for it */
const wants = new Map();
/** @type {Map<number, boolean>} for streams that report changes only: whether the picture was live when last reported */
const told = new Map();
/** @type {Set<number>} streams that report all their figures */
const talkative = new Set();

/** @type {Link} */ let link;
let asleep = false;
let sleepTimer = 0;
let reportTimer = 0;

/** What the page may ask for. */
const commands = {
  open(/** @type {{url: string}} */ { url }) {
    link = new Link(url, {
      open: () => asleep || askAll(),
      message: received,
      binary: arrived,
      state: (state, retryMs) => postMessage({ is: "connection", state, retryMs }),
      delay: (ms) => postMessage({ is: "delay", ms }),
    });
    link.connect();
    reportTimer = setInterval(report, REPORT_MS);
  },
  canvas(/** @type {{stream: number, canvas: OffscreenCanvas, figures: boolean}} */ { stream, canvas, figures }) {
    const ack = (/** @type {number} */ seq) => link.send({ type: "ack", stream, seq });
    painters.set(stream, new Painter(stream, canvas, ack, () => shown(stream)));
    if (figures) talkative.add(stream);
  },
  want(/** @type {{message: {stream: number}}} */ { message }) {
    wants.set(message.stream, message);
    if (!asleep) link.send(message);
  },
  unwant(/** @type {{stream: number}} */ { stream }) {
    if (wants.delete(stream) && !asleep) link.send({ type: "unwatch", stream });
  },
  forget(/** @type {{stream: number}} */ { stream }) {
    commands.unwant({ stream });
    painters.get(stream)?.close();
    painters.delete(stream);
    told.delete(stream);
    talkative.delete(stream);
  },
  send(/** @type {{message: object}} */ { message }) {
    if (!link.send(message)) postMessage({ is: "unsent", message });
  },
  visible(/** @type {{visible: boolean}} */ { visible }) {
    clearTimeout(sleepTimer);
    if (!visible) sleepTimer = setTimeout(sleep, SLEEP_MS);
    else wake();
  },
  probe() {
    link.probe();
  },
};

onmessage = ({ data }) => commands[/** @type {keyof typeof commands} */ (data.do)](data);

function askAll() {
  for (const message of wants.values()) link.send(message);
}

function sleep() {
  asleep = true;
  clearInterval(reportTimer);
  for (const stream of wants.keys()) link.send({ type: "unwatch", stream });
}

function wake() {
  link.probe();
  if (!asleep) return;
  asleep = false;
  reportTimer = setInterval(report, REPORT_MS);
  askAll();
}

/** @param {Record<string, any>} message */
function received(message) {
  if (message.type === "watching") painters.get(message.stream)?.switchTo(String(message.camera));
  postMessage({ is: "message", message });
}

/** @param {ArrayBuffer} data */
function arrived(data) {
  const frame = parseFrame(data);
  if (frame) painters.get(frame.stream)?.offer(frame);
}

/** The first picture of a camera is reported at once, with the time. @param {number} stream */
function shown(stream) {
  const figures = painters.get(stream)?.figures();
  if (figures) postMessage({ is: "shown", at: performance.timeOrigin + performance.now(), figures });
}

function report() {
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
