/**
 * The viewer's entry: builds the parts and joins them.
 *
 * What browser tests may rely on: body[data-view=stage|wall]; button.tile[data-camera][data-state][data-picture=live|old];
 * [data-stage] with data-camera and data-seq of the picture shown, and data-live;
 * [data-action=follow|restart|stop|start|snapshot|copy|details|fullscreen|add and more], and [data-action=confirm] of what is asked;
 * the drawer's #tab-… and #panel-… = charts, log, failures, viewers; [data-connection] = connecting, open or lost; and figures,
 * each absent where there is none: #figure-work[data-decode-ms][data-draw-ms], means over two seconds;
 * output#switch-time, which data-seq counts the measured switches on: data-ms from the click (the event's own time) until
 * the camera's first picture is seen, data-live-ms until the first one is that was taken after the click (not there until
 * then); data-median-ms, data-p95-ms, data-live-median-ms, data-live-p95-ms of the last 100 switches. What "seen" means is
 * in switch.js.
 *
 * Where somebody has to log in: body[data-login] while #login stands there; body[data-away] while nothing is to be seen, because the
 * login may be over; body[data-offers], the words of session.js, and [data-needs] for what is not offered to everybody.
 */
import { Access } from "./access.js";
import { AddCamera } from "./addcamera.js";
import { roomOf, socketOf, wishesOf } from "./address.js";
import { Alarms } from "./alarms.js";
import * as api from "./api.js";
import { Browse } from "./browse.js";
import { Cameras } from "./cameras.js";
import { Choice } from "./choice.js";
import { Confirm } from "./confirm.js";
import { ConfigNotice } from "./confignotice.js";
import { buildHelp, buildSettings } from "./dialogs.js";
import { find, say } from "./dom.js";
import { Engine } from "./engine.js";
import { Gestures } from "./gestures.js";
import { Header } from "./header.js";
import { Texts } from "./i18n.js";
import { actOf, needOf, ON_STAGE, typing } from "./keys.js";
import { Kiosk } from "./kiosk.js";
import { Login, returned } from "./login.js";
import { Messages } from "./messages.js";
import { Navigation } from "./navigation.js";
import { Operating } from "./operating.js";
import { move } from "./order.js";
import { PictureInPicture } from "./pip.js";
import { RoomPanel } from "./roompanel.js";
import { Rooms, storage } from "./rooms.js";
import { answered, loginNeeded, Session } from "./session.js";
import { Settings, valid } from "./settings.js";
import { Share } from "./share.js";
import { Stage } from "./stage.js";
import { SwitchTime } from "./switchtime.js";
import { dress } from "./theme.js";
import { Wall } from "./wall.js";

/** Why the server closes a connection, RFC 6455 section 7.4. */
const CLOSED = { login: 1008, rights: 1012 };

returned();
const settings = new Settings(overrides());
const texts = new Texts(settings.get("lang") || navigator.language);

/** Joins the parts of the page: what the server says, what the user does. */
class Viewer {
  #settings = settings;
  #texts = texts;
  #session;
  #room = roomOf(location.search);
  /** @type {ReturnType<Messages["add"]>|null} why a click was not followed */ #held = null;
  #unheard = false; // the server does not know the camera that the stage asks for
  #navigation = new Navigation();
  #header = new Header(document, this.#texts);
  #cameras = new Cameras(this.#settings.get("order"));
  #engine = new Engine(socketOf(document.baseURI));
  #messages = new Messages(find(document, "#messages"));
  #config = new ConfigNotice(find(document, "#config"), this.#texts);
  #stage = new Stage(find(document, "[data-stage]"), this.#cameras, this.#texts);
  #confirm = new Confirm(document);
  #operating = new Operating(document, this.#cameras, this.#engine, this.#messages, this.#texts, this.#confirm);
  #share = new Share(find(document, "#share"), this.#cameras, this.#texts);
  #access = new Access(find(document, "#access"), this.#cameras, this.#texts, this.#confirm);
  #switchTime = new SwitchTime(document, this.#texts);
  #canvas = /** @type {HTMLCanvasElement} */ (find(document, "#stage-canvas"));
  #stream = this.#engine.attach(this.#canvas, true);
  #alarms = new Alarms(find(document, "#alarms"), this.#cameras, this.#texts, this.#room, {
    show: (camera, event) => this.#choose(camera, event),
    acknowledge: (camera) => this.#acknowledge(camera),
  });
  #rooms = new Rooms((message) => this.#engine.send(message), this.#room, storage());
  #choice = new Choice(this.#engine, this.#stream, this.#room, () => this.#alarms.holder);
  #wall = new Wall(find(document, "#wall"), this.#cameras, this.#engine, this.#texts, {
    pick: (camera, event) => this.#choose(camera, event),
    fill: () => this.#fullscreen(),
    move: (id, to) => this.#settings.set("order", move(this.#cameras.list().map((info) => info.id), id, to)),
  });
  #browse = new Browse(document, this.#cameras, this.#wall, this.#navigation, this.#texts);
  #gestures = new Gestures(find(document, ".frame"), this.#canvas, {
    turn: (step, event) => this.#turn(step, event),
    fullscreen: () => this.#fullscreen(),
    zoomed: (scale) => this.#zoomed(scale),
  });
  #pip = new PictureInPicture(this.#canvas, (open) => {
    this.#engine.pin(this.#stream, open);
    this.#go();
  });
  #kiosk = new Kiosk(wishesOf(location.search).kiosk);

  /** @param {Session} session */
  constructor(session) {
    this.#session = session;
  }

  start() {
    this.#header.account(this.#session.info);
    new AddCamera(find(document, "[data-action=add]"), this.#cameras, this.#messages, this.#texts, (camera) => {
      // It goes live at any moment, which must neither switch the room for all nor tear somebody away from a wall.
      if (!this.#navigation.walled) this.#navigation.go({ kind: "camera", camera }, false);
    });
    new RoomPanel(find(document, "[data-action=room]"), this.#rooms, this.#cameras, this.#texts, this.#messages, this.#session);
    find(document, "[data-action=fullscreen]").hidden = !document.fullscreenEnabled;
    find(document, "[data-action=pip]").hidden = !PictureInPicture.possible;
    buildHelp(find(document, "#help"), this.#texts);
    buildSettings(find(document, "#settings"), this.#settings);
    this.#listen();
    this.#wishes("");
    this.#go();
    this.#tick();
    setInterval(() => this.#tick(), 1000);
  }

  #listen() {
    const on = (/** @type {string} */ type, /** @type {(detail: any) => void} */ handle) =>
      this.#engine.addEventListener(type, (event) => handle(/** @type {CustomEvent} */ (event).detail));
    on("message", ({ message }) => this.#received(message));
    on("connection", ({ state, code }) => this.#connection(state, code));
    on("delay", ({ ms }) => this.#header.delay(ms));
    on("unsent", ({ message }) => message.type === "select" && this.#refused(this.#texts.get("no_connection")));
    for (const type of ["shown", "figures"]) {
      on(type, ({ figures }) => figures.stream === this.#stream && this.#stage.picture(figures));
    }
    on("switched", (took) => took.stream === this.#stream && this.#switchTime.took(took));
    on("broken", () => this.#messages.add(this.#texts.get("viewer_broken"), "bad", 0));
    this.#cameras.addEventListener("list", () => this.#listed());
    this.#cameras.addEventListener("status", () => this.#header.count(this.#cameras.live, this.#cameras.count));
    this.#alarms.addEventListener("change", () => {
      this.#wall.alarm(this.#alarms.cameras);
      if (!this.#alarms.holder) this.#held?.close();
      this.#title();
    });
    this.#choice.addEventListener("camera", () => this.#show());
    this.#choice.addEventListener("held", (event) => this.#holds(/** @type {CustomEvent} */ (event).detail));
    const drives = () => {
      this.#choice.drives = this.#drives;
      this.#header.mode(this.#navigation.following, this.#drives);
    };
    this.#rooms.addEventListener("drives", drives);
    drives();
    this.#navigation.addEventListener("view", () => this.#go());
    this.#settings.addEventListener("change", (event) => this.#wishes(/** @type {CustomEvent} */ (event).detail));
    addEventListener("keydown", (event) => this.#key(event));
    document.addEventListener("fullscreenchange", () => this.#placeAlarms());
    document.addEventListener("click", (event) => {
      const button = /** @type {Element} */ (event.target).closest("[data-action]");
      this.#actions[button?.getAttribute("data-action") ?? ""]?.(event);
    });
  }

  /** A click switches the room for everyone in it. */
  get #drives() {
    return this.#rooms.drives && this.#session.offers("operate");
  }

  /** What buttons with data-action, and keys, do. @type {Record<string, (event: Event) => void>} */
  #actions = {
    follow: () => this.#follow(!this.#choice.following),
    restart: () => this.#operating.restart(),
    stop: () => this.#operating.stopOrStart(),
    start: () => this.#operating.stopOrStart(),
    copy: () => this.#operating.copy(),
    details: () => this.#operating.details(),
    snapshot: () => this.#operating.snapshot(),
    fullscreen: () => this.#fullscreen(),
    fit: () => this.#settings.set("fit", this.#settings.get("fit") === "fit" ? "fill" : "fit"),
    pip: () => this.#inPicture(),
    zoom_in: () => this.#gestures.step(1),
    zoom_out: () => this.#gestures.step(-1),
    zoom_reset: () => this.#gestures.reset(),
    next: (event) => this.#turn(1, event),
    previous: (event) => this.#turn(-1, event),
    wall: () => (this.#navigation.walled ? this.#browse.stage() : this.#browse.tiles(String(this.#navigation.wall.tiles))),
    larger: () => this.#browse.larger(),
    page_next: () => this.#browse.page(1),
    page_previous: () => this.#browse.page(-1),
    group: () => this.#browse.nextGroup(),
    search: () => find(document, "#search").focus(),
    back: () => this.#back(),
    acknowledge: () => this.#alarms.acknowledge(),
    kiosk: () => this.#kiosk.set(!this.#kiosk.on),
    add_camera: () => find(document, "[data-action=add]").click(),
    room_panel: () => find(document, "[data-action=room]").click(),
    share: () => this.#share.open(this.#stage.target),
    access: () => this.#openAccess(),
    logout: () => this.#logout(),
    account: () => find(document, "#settings").showModal(),
    settings: () => find(document, "#settings").showModal(),
    help: () => find(document, "#help").showModal(),
  };

  async #fullscreen() {
    try {
      if (document.fullscreenElement) await document.exitFullscreen();
      else if (this.#navigation.walled) await document.documentElement.requestFullscreen();
      else await find(document, "[data-stage]").requestFullscreen();
    } catch {
      // the browser has its reasons, and the user sees that nothing has happened
    }
  }

  #openAccess() {
    find(document, "#settings").close(); // which has a button for it
    this.#access.open();
  }

  async #logout() {
    find(document, "#settings").close();
    try {
      await this.#session.logout();
    } catch (error) {
      this.#messages.add(this.#texts.get("logout_failed", { why: this.#texts.why(error) }), "bad");
    }
  }

  async #inPicture() {
    try {
      await this.#pip.toggle();
    } catch {
      this.#messages.add(this.#texts.get("pip_failed", { why: this.#texts.get("pip_refused") }), "bad");
    }
  }

  /** @param {Record<string, any>} message */
  #received(message) {
    this.#rooms.received(message);
    switch (message.type) {
      case "hello":
        this.#session.greeted(message.user);
        this.#alarms.replace(message.alarms);
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
        if (this.#choice.following) this.#shown(String(message.camera), false);
        return;
      case "alarm": return this.#alarms.raise(/** @type {any} */ (message));
      case "acknowledged": return this.#alarms.acknowledged(String(message.camera));
      case "error":
        // That a camera is unknown is on the stage already, in the user's language.
        if (message.stream === this.#stream && message.code === "unknown_camera") this.#unheard = true;
        if (message.stream === this.#stream && !this.#cameras.get(this.#stage.target)) return;
        if (message.stream !== undefined && message.stream !== this.#stream) return;
        this.#refused(message.code === "forbidden" ? this.#texts.get("forbidden") : String(message.message));
    }
  }

  /** @param {any} message a room, and the alarm that holds it, if one does */
  #roomSays(message) {
    this.#alarms.hold(message);
    if (message.room === this.#room) this.#shown(String(message.camera ?? ""), Boolean(message.alarm));
  }

  /** @param {string} camera that the room shows, "" where nobody who is limited to some may know @param {boolean} held by an alarm */
  #shown(camera, held) {
    this.#stage.withheld = !camera && this.#session.info.limited === true;
    this.#choice.roomShows(camera, held);
    this.#stage.render();
  }

  /** @param {string} why */
  #refused(why) {
    this.#messages.add(this.#texts.get("select_failed", { why }), "bad");
    this.#choice.settle();
  }

  /** @param {string} camera whose alarm holds the room */
  #holds(camera) {
    this.#held?.close();
    this.#held = this.#messages.add(this.#texts.get("alarm_holds", { camera: this.#cameras.name(camera) }), "bad");
  }

  /** @param {string} camera @param {Event} event the click or key that chose it */
  #choose(camera, event) {
    const { view, following, walled } = this.#navigation;
    if (following && this.#choice.drives) {
      if (walled) this.#navigation.go({ kind: "room" }, true);
      this.#choice.drive(camera, event, this.#rooms.patrol !== null);
    } else if (view.kind !== "camera" || view.camera !== camera) {
      this.#engine.clicked(this.#stream, camera, event);
      this.#navigation.go({ kind: "camera", camera }, false);
    }
  }

  /** To the next camera or the one before; on a wall, to the next page. @param {1|-1} step @param {Event} event */
  #turn(step, event) {
    if (this.#navigation.walled) return this.#browse.page(step);
    const ids = this.#browse.listed.map((info) => info.id);
    const at = ids.indexOf(this.#stage.target);
    const next = ids[(at < 0 ? 0 : at + step + ids.length) % ids.length];
    if (next) this.#choose(next, event);
  }

  #back() {
    if (this.#kiosk.leave()) return;
    if (this.#navigation.walled || !this.#navigation.wallSeen) return;
    this.#browse.tiles(String(this.#navigation.wall.tiles));
    this.#wall.focus();
  }

  /** Shows what the address bar holds. */
  #go() {
    const { view, following, walled } = this.#navigation;
    document.body.dataset.view = walled ? "wall" : "stage";
    document.body.toggleAttribute("data-wall", this.#navigation.wallSeen);
    if (walled) this.#operating.away();
    this.#choice.show(!walled || this.#pip.open, following, view.kind === "camera" ? view.camera : undefined);
    this.#header.mode(following, this.#drives);
    this.#title();
  }

  /** @param {string} key of the setting that has changed, "" for all */
  #wishes(key) {
    if (key === "lang") return this.#reload();
    dress(this.#settings.get("theme"));
    document.body.dataset.fit = this.#settings.get("fit");
    find(document, "[data-action=fit]").setAttribute("aria-pressed", String(this.#settings.get("fit") === "fill"));
    if (key === "order") this.#cameras.order = this.#settings.get("order");
  }

  /** In another language, which the address must not overrule. */
  #reload() {
    const url = new URL(location.href);
    url.searchParams.delete("lang");
    history.replaceState(history.state, "", url);
    location.reload();
  }

  /** @param {number} scale 1 for the whole picture */
  #zoomed(scale) {
    const button = find(document, ".zoom");
    button.hidden = scale === 1;
    say(button, this.#texts.get("zoom", { scale: scale.toFixed(1) }));
  }

  #show() {
    const { camera } = this.#choice;
    this.#gestures.reset();
    this.#stage.show(camera);
    this.#operating.show(camera);
    this.#wall.choose(camera);
    this.#title();
  }

  /** @param {boolean} following */
  #follow(following) {
    const { view, walled } = this.#navigation;
    const camera = this.#stage.target;
    if (walled) this.#navigation.go(view, following, true);
    else this.#navigation.go(following || !camera ? { kind: "room" } : { kind: "camera", camera }, following);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.defaultPrevented || document.querySelector("dialog[open]")) return;
    if (typing(event.target)) {
      if (event.key === "Escape") /** @type {HTMLElement} */ (event.target).blur();
      return;
    }
    const act = actOf(event, this.#settings.get("keys"));
    if (act === "number") {
      const info = this.#browse.shown[Number(event.key) - 1];
      if (info) this.#choose(info.id, event);
    } else if (act && this.#session.offers(needOf(act)) && !(this.#navigation.walled && ON_STAGE.has(act))) {
      event.preventDefault();
      this.#actions[act](event);
    }
  }

  /** @param {"connecting"|"open"|"lost"} state @param {number} code why it is lost, 0 where it never stood */
  #connection(state, code) {
    if (code === CLOSED.login) void this.#session.doubt();
    if (code === CLOSED.rights) void this.#session.anew();
    if (state === "lost" && code === 0) void this.#session.check(); // to a page, being refused looks like a server that is away
    if (!this.#header.connection(state)) return;
    if (state === "lost") this.#rooms.lost();
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

  /** Cameras came, went or have other names. */
  #listed() {
    this.#header.count(this.#cameras.live, this.#cameras.count);
    this.#title();
    if (!this.#unheard || !this.#cameras.get(this.#choice.camera)) return;
    this.#unheard = false;
    this.#choice.ask();
  }

  #title() {
    this.#header.title(this.#cameras.name(this.#stage.target), this.#alarms.cameras.size > 0);
  }

  /** On a stage that fills the screen, alarms stand too. */
  #placeAlarms() {
    const full = document.fullscreenElement;
    (full?.matches("[data-stage]") ? full : find(document, ".notices")).prepend(find(document, "#alarms"));
  }

  #tick() {
    this.#header.tick();
    this.#alarms.tick();
    this.#wall.tick();
  }
}

/** What the address bar wants of the settings. */
function overrides() {
  const { lang, theme } = wishesOf(location.search);
  return valid({ lang: lang.slice(0, 2), theme });
}

/** Begins the page once it is known who it is for. */
async function begin() {
  let info = await answered();
  if (loginNeeded(info)) info = await new Login(find(document, "#login"), texts, info).admitted();
  new Viewer(new Session(info)).start();
}

const supported = "transferControlToOffscreen" in HTMLCanvasElement.prototype && "createImageBitmap" in window;
texts.fill(document);
dress(settings.get("theme"));
if (supported) void begin();
else say(find(document, "#wall"), `${texts.get("unsupported")}. ${texts.get("unsupported_hint")}`);
