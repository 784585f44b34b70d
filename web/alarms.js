import { copy, find, say } from "./dom.js";

/**
 * @typedef {object} Alarm
 * @property {string} camera
 * @property {string} kind
 * @property {string} level
 * @property {string} text
 * @property {string} [time] RFC 3339
 * @property {string} [until] RFC 3339: how long it holds a room
 */

/** @typedef {{alarm: Alarm, element: HTMLElement, rooms: Set<string>}} Entry */

/**
 * The alarms that nobody has acknowledged, one banner for each camera. Event: "change".
 */
export class Alarms extends EventTarget {
  #root;
  #cameras;
  #texts;
  #room;
  #actions;
  /** @type {Map<string, Entry>} */ #entries = new Map();

  /**
   * @param {HTMLElement} root
   * @param {import("./cameras.js").Cameras} cameras
   * @param {import("./i18n.js").Texts} texts
   * @param {string} room the one this page is in
   * @param {{show: (camera: string, event: Event) => void, acknowledge: (camera: string) => Promise<void>}} actions
   */
  constructor(root, cameras, texts, room, actions) {
    super();
    this.#root = root;
    this.#cameras = cameras;
    this.#texts = texts;
    this.#room = room;
    this.#actions = actions;
    cameras.addEventListener("list", () => this.#entries.forEach((entry) => this.#fill(entry)));
  }

  /** The cameras that have one. */
  get cameras() {
    return new Set(this.#entries.keys());
  }

  /** The camera whose alarm holds this page's room, "" for none. */
  get holder() {
    for (const [camera, entry] of this.#entries) if (entry.rooms.has(this.#room)) return camera;
    return "";
  }

  /** Acknowledges the newest one, as its button does. */
  acknowledge() {
    this.#root.querySelector(".alarm-acknowledge")?.dispatchEvent(new MouseEvent("click"));
  }

  /** @param {Alarm} alarm */
  raise(alarm) {
    const known = this.#entries.get(alarm.camera);
    const entry = known ?? this.#build(alarm);
    entry.alarm = { ...entry.alarm, ...alarm };
    this.#fill(entry);
    this.dispatchEvent(new CustomEvent("change"));
  }

  /** @param {unknown} alarms that are open: the page was away, and what it still shows may be acknowledged */
  replace(alarms) {
    const open = new Map((Array.isArray(alarms) ? alarms : []).map((alarm) => [alarm.camera, alarm]));
    for (const camera of this.#entries.keys()) if (!open.has(camera)) this.acknowledged(camera);
    for (const alarm of open.values()) this.raise(alarm);
  }

  /** @param {{room: string, alarm?: Alarm}} message what a room shows, and the alarm that holds it, if one does */
  hold({ room, alarm }) {
    for (const [camera, entry] of this.#entries) {
      if (camera === alarm?.camera || !entry.rooms.delete(room)) continue;
      this.#fill(entry);
      this.dispatchEvent(new CustomEvent("change"));
    }
    if (!alarm) return;
    this.raise(alarm);
    const entry = /** @type {Entry} */ (this.#entries.get(alarm.camera));
    entry.rooms.add(room);
    this.#fill(entry);
  }

  /** Counts down; call it once a second. */
  tick() {
    for (const entry of this.#entries.values()) this.#time(entry);
  }

  /** @param {Alarm} alarm @returns {Entry} */
  #build(alarm) {
    const element = copy("alarm");
    const entry = { alarm, element, rooms: new Set() };
    const button = find(element, ".alarm-acknowledge");
    find(element, ".alarm-show").addEventListener("click", (/** @type {Event} */ e) => this.#actions.show(alarm.camera, e));
    button.addEventListener("click", async () => {
      button.disabled = true;
      try {
        await this.#actions.acknowledge(alarm.camera);
        this.acknowledged(alarm.camera);
      } catch {
        button.disabled = false; // the action has told the user
      }
    });
    this.#entries.set(alarm.camera, entry);
    this.#root.prepend(element);
    return entry;
  }

  /** Somebody has acknowledged its alarm. @param {string} camera */
  acknowledged(camera) {
    this.#entries.get(camera)?.element.remove();
    if (this.#entries.delete(camera)) this.dispatchEvent(new CustomEvent("change"));
  }

  /** @param {Entry} entry */
  #fill(entry) {
    const { alarm, element } = entry;
    element.dataset.level = alarm.level;
    say(find(element, ".alarm-kind"), [alarm.kind || this.#texts.get("alarm"), alarm.level].filter(Boolean).join(" · "));
    say(find(element, ".alarm-camera"), this.#cameras.name(alarm.camera));
    say(find(element, ".alarm-text"), alarm.text ?? "");
    this.#time(entry);
  }

  /** @param {Entry} entry */
  #time({ alarm, element, rooms }) {
    const left = new Date(alarm.until ?? "").getTime() - Date.now();
    const held = rooms.has(this.#room) && left > 0;
    const time = this.#texts.seconds(left);
    const ago = this.#texts.seconds(Date.now() - new Date(alarm.time ?? "").getTime());
    say(find(element, ".alarm-time"), held ? this.#texts.get("alarm_until", { time }) : alarm.time ? this.#texts.get("alarm_since", { time: ago }) : "");
  }
}
