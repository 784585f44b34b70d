/**
 * @typedef {object} Person who is in the room
 * @property {string} id
 * @property {string} [name]
 * @property {boolean} following
 * @property {string} since RFC 3339
 * @property {string} [selected] RFC 3339: when this person last switched the room
 */

/**
 * @typedef {object} Patrol
 * @property {string[]} [cameras] ids in their order; not there: all
 * @property {number} every_s
 * @property {string} since RFC 3339
 */

/** Where the browser keeps what the user has set. */
const NAME = "linkstart.name";
const DRIVES = "linkstart.drives";

/** Longest name of a person, in characters, as the server takes it. */
export const MAX_NAME = 40;

/**
 * This page in its room: it joins, knows who else is there and whether a patrol runs. Events: "people", "patrol", "rooms" when other rooms
 * are known, "drives".
 */
export class Rooms extends EventTarget {
  #send;
  #room;
  #storage;
  #you = "";
  #name = "";
  #drives = true;
  /** @type {Person[]} */ #people = [];
  #count = 0;
  /** @type {Patrol|null} */ #patrol = null;
  #camera = "";
  #held = false;
  /** @type {Set<string>} */ #known;

  /**
   * @param {(message: object) => void} send to the server
   * @param {string} room the one this page is in
   * @param {Pick<Storage, "getItem"|"setItem">|null} storage null where the browser keeps nothing
   */
  constructor(send, room, storage) {
    super();
    this.#send = send;
    this.#room = room;
    this.#storage = storage;
    this.#known = new Set([room]);
    this.#name = nameOf(this.#kept(NAME) ?? "");
    this.#drives = this.#kept(DRIVES) !== "no";
  }

  get room() {
    return this.#room;
  }

  /** Every room that was ever heard of, in the order of the alphabet. */
  get known() {
    return [...this.#known].sort();
  }

  /** The people in this room, this page among them as a rule: who came first is first. At most a hundred. */
  get people() {
    return this.#people;
  }

  /** How many people are in this room. */
  get count() {
    return this.#count;
  }

  /** This page's own id. */
  get you() {
    return this.#you;
  }

  /** The person who switched the room last, of those that are still there. @returns {Person|undefined} */
  get driver() {
    const at = (/** @type {Person} */ person) => Date.parse(person.selected ?? "") || 0;
    return this.#people.filter(at).reduce((last, person) => (!last || at(person) > at(last) ? person : last), /** @type {Person|undefined} */ (undefined));
  }

  /** The patrol that runs, null for none. */
  get patrol() {
    return this.#patrol;
  }

  /** The camera that the patrol has come to; "" where none runs, or an alarm hides it. */
  get patrolled() {
    return this.#patrol && !this.#held ? this.#camera : "";
  }

  get name() {
    return this.#name;
  }

  /** Tells the others in the room. @param {string} name */
  set name(name) {
    name = nameOf(name);
    if (name === this.#name) return;
    this.#name = name;
    this.#keep(NAME, name);
    if (this.#you) this.#join();
  }

  /** A click here switches the room for everyone in it; otherwise it is an own choice. */
  get drives() {
    return this.#drives;
  }

  set drives(drives) {
    if (drives === this.#drives) return;
    this.#drives = drives;
    this.#keep(DRIVES, drives ? "yes" : "no");
    this.#tell("drives");
  }

  /** Takes what concerns the room out of what the server says. @param {Record<string, any>} message */
  received(message) {
    switch (message.type) {
      case "hello":
        this.#you = String(message.you ?? "");
        for (const room of message.rooms ?? []) this.#shows(room);
        if (!message.rooms?.some((/** @type {any} */ shown) => shown.room === this.#room)) this.#runs(null); // nobody has used it yet
        return this.#join();
      case "room": return this.#shows(message);
      case "people": return this.#are(message);
    }
  }

  /** The connection is lost: who is here is not known any more. */
  lost() {
    this.#you = "";
    this.#people = [];
    this.#count = 0;
    this.#tell("people");
  }

  #join() {
    this.#send({ type: "join", room: this.#room, name: this.#name });
  }

  /** @param {Record<string, any>} message what a room shows */
  #shows({ room, camera, alarm, patrol }) {
    if (typeof room === "string" && !this.#known.has(room)) {
      this.#known.add(room);
      this.#tell("rooms");
    }
    if (room !== this.#room) return;
    this.#camera = String(camera ?? "");
    this.#held = Boolean(alarm);
    this.#runs(patrol ?? null);
  }

  /** @param {Patrol|null} patrol */
  #runs(patrol) {
    const was = this.#patrol;
    this.#patrol = patrol;
    if (was || patrol) this.#tell("patrol");
  }

  /** @param {Record<string, any>} message */
  #are({ room, people, count }) {
    if (room !== this.#room || !Array.isArray(people)) return;
    this.#people = people.filter((person) => typeof person?.id === "string");
    this.#count = Number(count) || this.#people.length;
    this.#tell("people");
  }

  /** @param {string} type */
  #tell(type) {
    this.dispatchEvent(new CustomEvent(type));
  }

  /** @param {string} key */
  #kept(key) {
    try {
      return this.#storage?.getItem(key) ?? null;
    } catch {
      return null; // a browser may forbid it at any time
    }
  }

  /** @param {string} key @param {string} value */
  #keep(key, value) {
    try {
      this.#storage?.setItem(key, value);
    } catch {
      // it holds until the page is closed
    }
  }
}

/** The name as the server takes it. @param {string} text */
export function nameOf(text) {
  return [...text.replace(/[\p{Cc}\p{Cf}]/gu, "").trim()].slice(0, MAX_NAME).join("").trim();
}

/**
 * A room's name out of what somebody typed: "Control Room" is control-room.
 * @param {string} text
 * @returns {string} "" where none can be made of it
 */
export function roomNamed(text) {
  const name = text.trim().toLowerCase().replace(/\s+/g, "-");
  return /^[a-z0-9][a-z0-9_-]{0,62}$/.test(name) ? name : "";
}

/**
 * Where the same page is in another room. A camera of one's own choice stays behind, since who goes to a room wants to see it.
 * @param {string} address of the page
 * @param {string} room
 */
export function roomAddress(address, room) {
  const url = new URL(address);
  if (room === "main") url.searchParams.delete("room");
  else url.searchParams.set("room", room);
  if (url.hash.startsWith("#/camera/")) url.hash = "";
  return url.href;
}

/** The storage of the browser, null where it has none for us. */
export function storage() {
  try {
    return localStorage;
  } catch {
    return null;
  }
}
