import { Backoff } from "./backoff.js";

/** Sent so often; the answer also tells how far away the server is, ms. */
const PING_MS = 2000;
/** Nothing heard for so long means that the connection is dead, although nobody has said so, ms. */
const SILENCE_MS = 7000;
/** An attempt to connect may take so long, ms. */
const CONNECT_MS = 5000;
/** A connection that nobody has closed, RFC 6455 section 7.4.1. */
const ABNORMAL = 1006;

/**
 * @typedef {object} Handlers
 * @property {() => void} open the connection stands: ask for everything again
 * @property {(message: Record<string, any>) => void} message a JSON message, any type but pong
 * @property {(data: ArrayBuffer, old: boolean) => void} binary old: it had been waiting here when catchUp was called
 * @property {(state: "connecting"|"open"|"lost", retryMs: number, code: number) => void} state code: why a connection is lost, RFC 6455
 *   section 7.4; 0 for one that never stood
 * @property {(ms: number, ahead: number) => void} delay time to the server and back, and how far its clock is ahead of ours, ms
 */

/** A WebSocket that comes back by itself, for as long as the page lives. */
export class Link {
  #url;
  #on;
  #backoff = new Backoff();
  /** @type {WebSocket|null} */ #socket = null;
  /** @type {ReturnType<typeof setTimeout>|undefined} */ #retry;
  /** @type {ReturnType<typeof setTimeout>|undefined} */ #deadline;
  /** @type {ReturnType<typeof setInterval>|undefined} */ #pulse;
  #stood = false;
  #heard = 0;
  #behind = 0; // performance.now() of the ping before whose answer everything is old, 0 for none

  /** @param {string} url @param {Handlers} on */
  constructor(url, on) {
    this.#url = url;
    this.#on = on;
  }

  /** Connects now, also in the middle of a wait. Does nothing while a connection stands or is being made. */
  connect() {
    if (this.#socket) return;
    clearTimeout(this.#retry);
    this.#on.state("connecting", 0, 0);
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    this.#stood = false;
    socket.binaryType = "arraybuffer";
    socket.onopen = () => this.#opened();
    socket.onmessage = (event) => this.#received(event.data);
    socket.onclose = (event) => this.#lost(event.code);
    this.#deadline = setTimeout(() => this.#lost(), CONNECT_MS);
  }

  /** Finds out at once whether an open connection still lives: for when a machine wakes up. */
  probe() {
    if (!this.#socket) this.connect();
    else this.#beat();
  }

  /**
   * For a page that was stopped and runs again: what comes before the server has answered a ping of now was sent before
   * it, and is told as old. Needs no clock, as messages keep their order.
   */
  catchUp() {
    this.#behind = performance.now();
    this.probe();
  }

  /**
   * @param {object} message
   * @returns {boolean} false when there is no connection: nothing is kept for later
   */
  send(message) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  #opened() {
    clearTimeout(this.#deadline);
    this.#heard = performance.now();
    this.#behind = 0;
    this.#pulse = setInterval(() => this.#beat(), PING_MS);
    this.#stood = true;
    this.#on.state("open", 0, 0);
    this.#on.open();
    this.#beat();
  }

  #beat() {
    if (this.#socket?.readyState !== WebSocket.OPEN) return;
    if (performance.now() - this.#heard > SILENCE_MS) this.#lost();
    else this.send({ type: "ping", t: performance.now() });
  }

  /** @param {string|ArrayBuffer} data */
  #received(data) {
    this.#heard = performance.now();
    this.#backoff.reset();
    if (typeof data !== "string") return this.#on.binary(data, this.#behind > 0);
    let message;
    try {
      message = JSON.parse(data);
    } catch {
      return; // what is no JSON has nothing to say to us
    }
    if (message?.type === "pong") this.#answered(Number(message.t), Number(message.now));
    else if (typeof message?.type === "string") this.#on.message(message);
  }

  /** @param {number} asked performance.now() of the ping @param {number} now of the server, µs since 1970 */
  #answered(asked, now) {
    if (asked >= this.#behind) this.#behind = 0;
    const delay = performance.now() - asked;
    const ahead = now / 1000 + delay / 2 - Date.now();
    this.#on.delay(delay, Number.isFinite(ahead) ? ahead : 0);
  }

  /** Lets go of the socket without waiting for it: closing a dead one can take minutes. @param {number} [code] of the server's close */
  #lost(code = ABNORMAL) {
    const socket = this.#socket;
    if (!socket) return;
    this.#socket = null;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
    clearTimeout(this.#deadline);
    clearInterval(this.#pulse);
    const wait = this.#backoff.next();
    this.#retry = setTimeout(() => this.connect(), wait);
    this.#on.state("lost", wait, this.#stood ? code : 0);
  }
}
