/**
 * The viewer's entry: builds the parts and joins them.
 *
 * What browser tests may rely on: button.tile[data-camera][data-state]; [data-stage] with data-camera and data-seq of the
 * picture shown, and data-live; [data-action=follow|restart|snapshot|fullscreen|add]; [data-connection] = connecting, open or
 * lost; and figures, each absent where there is none: #figure-work[data-decode-ms][data-draw-ms], means over two seconds;
 * output#switch-time, which data-seq counts the measured switches on: data-ms from the click (the event's own time) until
 * the camera's first picture is seen, data-live-ms until the first one is that was taken after the click (not there until
 * then); data-median-ms, data-p95-ms, data-live-median-ms, data-live-p95-ms of the last 100 switches. What "seen" means is
 * in switch.js.
 */
import { AddCamera } from "./addcamera.js";
import { cameraOf, hashOf, roomOf, socketOf } from "./address.js";
import { Alarms } from "./alarms.js";
import * as api from "./api.js";
import { Cameras } from "./cameras.js";
import { ConfigNotice } from "./confignotice.js";
import { find, say, shape } from "./dom.js";
import { Engine } from "./engine.js";
import { Texts } from "./i18n.js";
import { Messages } from "./messages.js";
import { Restarts } from "./restarts.js";
import { save } from "./snapshot.js";
import { Stage } from "./stage.js";
import { SwitchTime } from "./switchtime.js";
import { Wall } from "./wall.js";

/** Asked for on the stage: more than cameras give, so that theirs counts. */
const STAGE_FPS = 30;
/** A choice made here is shown for so long before the room has confirmed it, ms. */
const CONFIRM_MS = 1000;

/** Follows the room or the user's own choice, and puts what the server says into the parts of the page. */
class Viewer {
  #texts = new Texts(navigator.language);
  #room = roomOf(location.search);
  #own = cameraOf(location.hash); // "" while following the room
  #following = !this.#own;
  #roomCamera = "";
  #confirm = 0;
  /** @type {ReturnType<Messages["add"]>|null} why a click was not followed */ #held = null;
  #cameras = new Cameras();
  #engine = new Engine(socketOf(document.baseURI));
  #messages = new Messages(find(document, "#messages"));
  #config = new ConfigNotice(find(document, "#config"), this.#texts);
  #restarts = new Restarts(this.#cameras, this.#messages, this.#texts);
  #stage = new Stage(find(document, "[data-stage]"), this.#cameras, this.#texts);
  #switchTime = new SwitchTime(document, this.#texts);
  #stream = this.#engine.attach(find(document, "#stage-canvas"), true);
  #alarms = new Alarms(find(document, "#alarms"), this.#cameras, this.#texts, this.#room, {
    show: (camera, event) => this.#choose(camera, event),
    acknowledge: (camera) => this.#acknowledge(camera),
  });
  #wall = new Wall(find(document, "#wall"), this.#cameras, this.#engine, this.#texts, (camera, event) => this.#choose(camera, event));

  #add = new AddCamera(find(document, "[data-action=add]"), this.#cameras, this.#messages, this.#texts, (camera, event) => this.#choose(camera, event));

  start() {
    this.#texts.fill(document);
    say(find(document, "#room"), this.#texts.get("room", { room: this.#room }));
    find(document, "[data-action=fullscreen]").hidden = !document.fullscreenEnabled;
    this.#listen();
    this.#apply();
    this.#tick();
    setInterval(() => this.#tick(), 1000);
  }

  #listen() {
    const on = (/** @type {string} */ type, /** @type {(detail: any) => void} */ handle) =>
      this.#engine.addEventListener(type, (event) => handle(/** @type {CustomEvent} */ (event).detail));
    on("message", ({ message }) => this.#received(message));
    on("connection", ({ state }) => this.#connection(state));
    on("delay", ({ ms }) => say(find(document, "#connection-delay"), `${Math.max(1, Math.round(ms))} ms`));
    on("unsent", () => this.#refused(this.#texts.get("no_connection")));
    for (const type of ["shown", "figures"]) {
      on(type, ({ figures }) => figures.stream === this.#stream && this.#stage.picture(figures));
    }
    on("switched", (took) => took.stream === this.#stream && this.#switchTime.took(took));
    on("broken", () => this.#messages.add(this.#texts.get("viewer_broken"), "bad", 0));
    for (const type of ["list", "status"]) this.#cameras.addEventListener(type, () => this.#count());
    this.#alarms.addEventListener("change", () => {
      this.#wall.alarm(this.#alarms.cameras);
      if (!this.#alarms.holder) this.#held?.close();
      this.#title();
    });
    addEventListener("hashchange", () => {
      this.#own = cameraOf(location.hash);
      this.#following = !this.#own;
      this.#apply();
    });
    addEventListener("keydown", (event) => this.#key(event));
    for (const [action, act] of Object.entries(this.#actions)) {
      find(document, `[data-action=${action}]`).addEventListener("click", act);
    }
  }

  #actions = {
    follow: () => this.#follow(!this.#following),
    restart: () => this.#restarts.start(this.#stage.target),
    snapshot: () => this.#snapshot(this.#stage.target),
    fullscreen: () => this.#fullscreen(),
  };

  async #fullscreen() {
    try {
      if (document.fullscreenElement) await document.exitFullscreen();
      else await find(document, "[data-stage]").requestFullscreen();
    } catch {
      // the browser has its reasons, and the user sees that nothing has happened
    }
  }

  /** @param {Record<string, any>} message */
  #received(message) {
    switch (message.type) {
      case "hello":
        for (const room of message.rooms ?? []) this.#roomSays(room);
        this.#config.show(message.config);
        return this.#cameras.replace(message.cameras);
      case "cameras": return this.#cameras.replace(message.cameras);
      case "status": return this.#cameras.status(/** @type {any} */ (message));
      case "room": return this.#roomSays(message);
      case "config": return this.#config.show(message);
      case "watching":
        if (message.stream !== this.#stream) return;
        find(document, "#stage-slow").hidden = message.rendition !== "sub"; // auto: the server moves a slow viewer there
        if (this.#following) this.#roomShows(String(message.camera), false);
        return;
      case "alarm": return this.#alarms.raise(/** @type {any} */ (message));
      case "error":
        // That a camera is unknown is on the stage already, in the user's language.
        if (message.stream === this.#stream && !this.#cameras.get(this.#stage.target)) return;
        if (message.stream === undefined || message.stream === this.#stream) this.#refused(String(message.message));
    }
  }

  /** @param {any} message */
  #roomSays(message) {
    this.#alarms.hold(message);
    if (message.room === this.#room) this.#roomShows(String(message.camera ?? ""), Boolean(message.alarm));
  }

  /** @param {string} camera @param {boolean} held by an alarm, which outranks every click */
  #roomShows(camera, held) {
    this.#roomCamera = camera;
    // Between a click and the room's answer to it, answers to earlier clicks would only make the name flicker.
    if (this.#confirm && !held && camera !== this.#stage.target) return;
    this.#settle();
  }

  /** The room decides again. */
  #settle() {
    clearTimeout(this.#confirm);
    this.#confirm = 0;
    if (this.#following) this.#show(this.#roomCamera);
  }

  /** @param {string} why */
  #refused(why) {
    this.#messages.add(this.#texts.get("select_failed", { why }), "bad");
    this.#settle();
  }

  /** @param {string} camera @param {Event} event the click or key that chose it */
  #choose(camera, event) {
    if (!this.#following) {
      if (camera === this.#own) return;
      this.#own = camera;
      this.#engine.clicked(this.#stream, camera, event);
      this.#engine.watch(this.#stream, camera, "auto", STAGE_FPS);
      history.pushState(null, "", hashOf(camera));
      return this.#show(camera);
    }
    const holder = this.#alarms.holder;
    if (holder && holder !== camera) {
      this.#held?.close();
      this.#held = this.#messages.add(this.#texts.get("alarm_holds", { camera: this.#cameras.name(holder) }), "bad");
      return;
    }
    if (camera === this.#stage.target) return;
    clearTimeout(this.#confirm);
    this.#confirm = setTimeout(() => this.#settle(), CONFIRM_MS);
    this.#engine.clicked(this.#stream, camera, event);
    this.#engine.select(this.#room, camera);
    this.#show(camera);
  }

  /** @param {string} camera */
  #show(camera) {
    this.#stage.show(camera);
    this.#wall.choose(camera);
    this.#title();
  }

  /** @param {boolean} following */
  #follow(following) {
    this.#following = following;
    this.#own = following ? "" : this.#stage.target;
    const here = location.pathname + location.search;
    history.pushState(null, "", here + hashOf(this.#own));
    this.#apply();
  }

  /** Brings the stage in line with the choice between the room and one's own. */
  #apply() {
    const button = find(document, "[data-action=follow]");
    button.setAttribute("aria-checked", String(this.#following));
    button.title = this.#texts.get(this.#following ? "follow_hint" : "own_hint");
    if (this.#following) this.#engine.follow(this.#stream, this.#room, "auto", STAGE_FPS);
    else if (this.#own) this.#engine.watch(this.#stream, this.#own, "auto", STAGE_FPS);
    else this.#engine.unwatch(this.#stream);
    this.#show(this.#following ? this.#roomCamera : this.#own);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.ctrlKey || event.altKey || event.metaKey || event.repeat || !/^[1-9]$/.test(event.key)) return;
    const info = this.#cameras.list()[Number(event.key) - 1];
    if (info) this.#choose(info.id, event);
  }

  /** @param {"connecting"|"open"|"lost"} state */
  #connection(state) {
    const sign = find(document, "[data-connection]");
    if (state === "connecting" && sign.dataset.connection === "lost") return; // still lost, until it stands again
    sign.dataset.connection = state;
    shape(find(sign, "svg"), { open: "live", lost: "lost", connecting: "starting" }[state]);
    const words = /** @type {const} */ ({ open: "connected", lost: "lost", connecting: "connecting" });
    say(find(sign, "#connection-word"), this.#texts.get(words[state]));
    if (state !== "open") say(find(sign, "#connection-delay"), "");
    this.#stage.connection(state);
    this.#wall.connection(state);
  }

  /** @param {string} camera */
  async #acknowledge(camera) {
    try {
      await api.acknowledge(camera);
    } catch (error) {
      this.#messages.add(this.#texts.get("acknowledge_failed", { why: this.#texts.why(error) }), "bad");
      throw error;
    }
  }

  /** @param {string} camera */
  async #snapshot(camera) {
    try {
      this.#messages.add(this.#texts.get("snapshot_saved", { file: await save(camera) }), "good");
    } catch (error) {
      const why = this.#texts.why(error);
      this.#messages.add(this.#texts.get("snapshot_failed", { camera: this.#cameras.name(camera), why }), "bad");
    }
  }

  #count() {
    const all = this.#cameras.list();
    const live = all.filter((info) => info.state === "live").length;
    say(find(document, "#count"), all.length ? this.#texts.get("live_count", { live, all: all.length }) : "");
    this.#title();
  }

  #title() {
    const name = this.#cameras.name(this.#stage.target);
    const title = (this.#alarms.cameras.size ? "⚠ " : "") + (name ? `${name} · ` : "") + this.#texts.get("title");
    if (document.title !== title) document.title = title;
  }

  #tick() {
    const time = new Date().toLocaleTimeString(this.#texts.language, { hour12: false });
    say(find(document, "#clock"), time);
    this.#alarms.tick();
  }
}

/** Says so where a browser cannot do what the viewer is made of. */
function unsupported() {
  const texts = new Texts(navigator.language);
  texts.fill(document);
  say(find(document, "#wall"), `${texts.get("unsupported")}. ${texts.get("unsupported_hint")}`);
}

const supported = "transferControlToOffscreen" in HTMLCanvasElement.prototype && "createImageBitmap" in window;
if (supported) new Viewer().start();
else unsupported();
