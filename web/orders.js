import * as api from "./api.js";

/** An order that has had no effect after so long has failed, ms. */
const PATIENCE_MS = 30_000;
/** How long a good outcome stays to be read, ms. */
const READ_MS = 8000;
/** States in which no picture will come by itself soon. */
const HOPELESS = ["crash_loop", "misconfigured"];

/** What can be ordered, and the words for it. */
const KINDS = /** @type {const} */ ({
  restart: {
    call: api.restart, word: "op_restart", title: "restart_title", ask: "op_restart_ask", means: "op_restart_means", refused: "restart_refused",
    failed: "restart_failed", late: "restart_no_process",
  },
  start: {
    call: api.start, word: "op_start", title: "op_start_title", ask: "op_start_ask", means: "op_start_means", refused: "op_start_refused",
    failed: "op_start_failed", late: "restart_no_process",
  },
  stop: {
    call: api.stop, word: "op_stop", title: "op_stop_title", ask: "op_stop_ask", means: "op_stop_means", refused: "op_stop_refused",
    failed: "op_stop_refused", late: "op_stop_late",
  },
});

/** @typedef {keyof typeof KINDS} Kind */

/**
 * Restarts, stops and starts a camera's process, each once it is confirmed, and follows what comes of it: asked, process
 * back, picture back; or stopped; or failed, and why. The outcome is read off the camera's status, not taken for granted
 * from the answer.
 */
export class Orders {
  #cameras;
  #messages;
  #texts;
  #confirm;
  /** @type {Map<string, Run>} */ #runs = new Map();

  /**
   * @param {import("./cameras.js").Cameras} cameras
   * @param {import("./messages.js").Messages} messages
   * @param {import("./i18n.js").Texts} texts
   * @param {import("./confirm.js").Confirm} confirm
   */
  constructor(cameras, messages, texts, confirm) {
    this.#cameras = cameras;
    this.#messages = messages;
    this.#texts = texts;
    this.#confirm = confirm;
    cameras.addEventListener("status", (event) => this.#follow(/** @type {CustomEvent} */ (event).detail));
    cameras.addEventListener("list", () => cameras.list().forEach((info) => this.#follow(info)));
  }

  /** Asks whether it is meant, and does it. @param {Kind} kind @param {string} camera */
  async give(kind, camera) {
    const info = this.#cameras.get(camera);
    if (!info) return;
    const t = this.#texts;
    const words = KINDS[kind];
    const meant = await this.#confirm.ask({
      title: t.get(words.ask, { camera: info.name || camera }),
      text: [t.get(words.means), kind === "start" ? "" : this.#watched(info)].filter(Boolean).join(" "),
      confirm: t.get(words.word),
      grave: kind === "stop",
    });
    if (meant) await this.#carryOut(kind, camera);
  }

  /** Who would notice. @param {import("./cameras.js").Info} info of a camera that this page shows */
  #watched(info) {
    const others = Math.max(0, (info.viewers ?? 0) - 1);
    if (others === 0) return this.#texts.get("op_watched_by_none");
    return others === 1 ? this.#texts.get("op_watched_by_one") : this.#texts.get("op_watched_by", { count: others });
  }

  /** @param {Kind} kind @param {string} camera */
  async #carryOut(kind, camera) {
    const before = this.#cameras.get(camera);
    if (!before) return;
    this.#supersede(camera);
    const message = this.#messages.add(this.#texts.get(KINDS[kind].title, { camera: before.name || camera }), "info", 0);
    /** @type {Run} */
    const run = { kind, message, timer: 0, began: performance.now(), before, asked: false, pid: 0 };
    run.timer = setTimeout(() => this.#late(camera, run), PATIENCE_MS);
    this.#runs.set(camera, run);
    this.#show(run);
    try {
      await KINDS[kind].call(camera);
    } catch (error) {
      if (this.#runs.get(camera) === run) this.#fail(camera, run, this.#refused(run, this.#texts.why(error)));
      return;
    }
    if (this.#runs.get(camera) !== run) return;
    run.asked = true;
    this.#show(run);
    this.#follow(this.#cameras.get(camera) ?? before);
  }

  /** A newer order takes the place of one that is still under way. @param {string} camera */
  #supersede(camera) {
    const run = this.#runs.get(camera);
    if (!run) return;
    this.#end(camera, run);
    run.message.close();
  }

  /** @param {import("./cameras.js").Info} info */
  #follow(info) {
    const run = this.#runs.get(info.id);
    if (!run || !run.asked) return;
    if (run.kind === "stop") {
      if (info.state === "stopped") this.#succeed(info.id, run);
      return;
    }
    if (info.pid && info.pid !== run.before.pid) run.pid = info.pid;
    if (run.pid && info.state === "live") return this.#succeed(info.id, run);
    if (run.pid && info.state === "waiting") { // a camera that is sent pictures, or sleeps: none need come
      run.waits = true;
      return this.#succeed(info.id, run);
    }
    if (HOPELESS.includes(info.state) && info.since !== run.before.since) return this.#fail(info.id, run, this.#why(run, info));
    this.#show(run);
  }

  /** @param {string} camera @param {Run} run */
  #succeed(camera, run) {
    run.took = performance.now() - run.began;
    this.#show(run);
    this.#end(camera, run);
    run.message.set(this.#texts.get(KINDS[run.kind].title, { camera: this.#cameras.name(camera) }), "good", READ_MS);
  }

  /** @param {string} camera @param {Run} run @param {string} why */
  #fail(camera, run, why) {
    this.#end(camera, run);
    run.message.set(why, "bad", 0);
  }

  /** @param {string} camera @param {Run} run */
  #late(camera, run) {
    if (this.#runs.get(camera) !== run) return;
    const info = this.#cameras.get(camera);
    const none = this.#texts.get(KINDS[run.kind].late, { time: this.#texts.duration(PATIENCE_MS) });
    this.#fail(camera, run, run.pid && info ? this.#why(run, info) : this.#refused(run, none));
  }

  /** @param {string} camera @param {Run} run */
  #end(camera, run) {
    clearTimeout(run.timer);
    this.#runs.delete(camera);
  }

  /** @param {Run} run @param {import("./cameras.js").Info} info */
  #why(run, info) {
    const state = this.#texts.state(info.state);
    const why = info.error ? `${state} – ${info.error}` : state;
    return this.#texts.get(KINDS[run.kind].failed, { camera: this.#cameras.name(info.id), why });
  }

  /** @param {Run} run @param {string} why */
  #refused(run, why) {
    return this.#texts.get(KINDS[run.kind].refused, { camera: this.#cameras.name(run.before.id), why });
  }

  /** @param {Run} run */
  #show(run) {
    const t = this.#texts;
    const asked = { text: t.get("restart_asked"), done: run.asked };
    const time = run.took === undefined ? "" : t.duration(run.took);
    if (run.kind === "stop") {
      run.message.steps([asked, { text: time ? t.get("op_stopped_after", { time }) : t.get("state_stopped"), done: time !== "" }]);
      return;
    }
    const picture = run.waits ? t.state("waiting") : time ? t.get("restart_picture_after", { time }) : t.get("restart_picture");
    run.message.steps([
      asked,
      { text: run.pid ? t.get("restart_process_pid", { pid: run.pid }) : t.get("restart_process"), done: run.pid !== 0 },
      { text: picture, done: time !== "" && !run.waits },
    ]);
  }
}

/**
 * @typedef {object} Run one order under way
 * @property {Kind} kind
 * @property {ReturnType<import("./messages.js").Messages["add"]>} message
 * @property {number} timer
 * @property {number} began performance.now()
 * @property {import("./cameras.js").Info} before
 * @property {boolean} asked the server has taken the request
 * @property {number} pid of the new process, 0 before it is there
 * @property {number} [took] ms until the outcome was there
 * @property {boolean} [waits] the new process waits for pictures, as this camera does
 */
