import * as api from "./api.js";

/** A restart that has shown no picture after so long has failed, ms. */
const PATIENCE_MS = 30_000;
/** How long a good outcome stays to be read, ms. */
const READ_MS = 8000;
/** States in which no picture will come by itself soon. */
const HOPELESS = ["crash_loop", "misconfigured"];

/**
 * Restarts a camera's process and follows what comes of it: asked, process back, picture back; or failed, and why.
 * The outcome is read off the camera's status, not taken for granted from the answer.
 */
export class Restarts {
  #cameras;
  #messages;
  #texts;
  /** @type {Map<string, Run>} */ #runs = new Map();

  /**
   * @param {import("./cameras.js").Cameras} cameras
   * @param {import("./messages.js").Messages} messages
   * @param {import("./i18n.js").Texts} texts
   */
  constructor(cameras, messages, texts) {
    this.#cameras = cameras;
    this.#messages = messages;
    this.#texts = texts;
    cameras.addEventListener("status", (event) => this.#follow(/** @type {CustomEvent} */ (event).detail));
    cameras.addEventListener("list", () => cameras.list().forEach((info) => this.#follow(info)));
  }

  /** @param {string} camera */
  async start(camera) {
    const before = this.#cameras.get(camera);
    if (!before || this.#runs.has(camera)) return;
    const message = this.#messages.add(this.#texts.get("restart_title", { camera: before.name || camera }), "info", 0);
    const timer = setTimeout(() => this.#late(camera), PATIENCE_MS);
    /** @type {Run} */
    const run = { message, timer, began: performance.now(), before, asked: false, pid: 0 };
    this.#runs.set(camera, run);
    this.#show(run);
    try {
      await api.restart(camera);
    } catch (error) {
      this.#fail(camera, run, this.#refused(run, this.#texts.why(error)));
      return;
    }
    run.asked = true;
    this.#show(run);
    this.#follow(this.#cameras.get(camera) ?? before);
  }

  /** @param {import("./cameras.js").Info} info */
  #follow(info) {
    const run = this.#runs.get(info.id);
    if (!run || !run.asked) return;
    if (info.pid && info.pid !== run.before.pid) run.pid = info.pid;
    if (run.pid && info.state === "live") return this.#succeed(info.id, run);
    if (HOPELESS.includes(info.state) && info.since !== run.before.since) return this.#fail(info.id, run, this.#why(info));
    this.#show(run);
  }

  /** @param {string} camera @param {Run} run */
  #succeed(camera, run) {
    run.took = performance.now() - run.began;
    this.#show(run);
    this.#end(camera, run);
    run.message.set(this.#title(run), "good", READ_MS);
  }

  /** @param {string} camera @param {Run} run @param {string} why */
  #fail(camera, run, why) {
    this.#end(camera, run);
    run.message.set(why, "bad", 0);
  }

  /** @param {string} camera */
  #late(camera) {
    const run = this.#runs.get(camera);
    if (!run) return;
    const info = this.#cameras.get(camera);
    const none = this.#texts.get("restart_no_process", { time: this.#texts.duration(PATIENCE_MS) });
    this.#fail(camera, run, run.pid && info ? this.#why(info) : this.#refused(run, none));
  }

  /** @param {string} camera @param {Run} run */
  #end(camera, run) {
    clearTimeout(run.timer);
    this.#runs.delete(camera);
  }

  /** @param {import("./cameras.js").Info} info */
  #why(info) {
    const state = this.#texts.state(info.state);
    const why = info.error ? `${state} – ${info.error}` : state;
    return this.#texts.get("restart_failed", { camera: this.#cameras.name(info.id), why });
  }

  /** @param {Run} run @param {string} why */
  #refused(run, why) {
    return this.#texts.get("restart_refused", { camera: this.#cameras.name(run.before.id), why });
  }

  /** @param {Run} run */
  #title(run) {
    return this.#texts.get("restart_title", { camera: run.before.name || run.before.id });
  }

  /** @param {Run} run */
  #show(run) {
    const t = this.#texts;
    run.message.steps([
      { text: t.get("restart_asked"), done: run.asked },
      { text: run.pid ? t.get("restart_process_pid", { pid: run.pid }) : t.get("restart_process"), done: run.pid !== 0 },
      {
        text: run.took ? t.get("restart_picture_after", { time: t.duration(run.took) }) : t.get("restart_picture"),
        done: run.took !== undefined,
      },
    ]);
  }
}

/**
 * @typedef {object} Run one restart under way
 * @property {ReturnType<import("./messages.js").Messages["add"]>} message
 * @property {number} timer
 * @property {number} began performance.now()
 * @property {import("./cameras.js").Info} before
 * @property {boolean} asked the server has taken the request
 * @property {number} pid of the new process, 0 before it is there
 * @property {number} [took] ms until the picture was back
 */
