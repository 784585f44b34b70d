import * as api from "./api.js";
import { closable } from "./dialogs.js";
import { copy, find, say } from "./dom.js";
import { PatrolForm } from "./patrolform.js";
import { roomAddress, roomNamed } from "./rooms.js";

/** How long it is said that a patrol has ended, ms. */
const ENDED_MS = 4000;

/** The sign of the room in the header, and the panel that it opens: which room, who is in it, whether it is driven, its patrol. */
export class RoomPanel {
  #rooms;
  #cameras;
  #texts;
  #messages;
  #session;
  #button;
  #dialog;
  #form;
  #patrols = false;

  /**
   * @param {HTMLButtonElement} button in the header
   * @param {import("./rooms.js").Rooms} rooms
   * @param {import("./cameras.js").Cameras} cameras
   * @param {import("./i18n.js").Texts} texts
   * @param {import("./messages.js").Messages} messages
   * @param {import("./session.js").Session} session
   */
  constructor(button, rooms, cameras, texts, messages, session) {
    this.#rooms = rooms;
    this.#cameras = cameras;
    this.#texts = texts;
    this.#messages = messages;
    this.#session = session;
    this.#button = button;
    this.#dialog = /** @type {HTMLDialogElement} */ (find(document, "#room-panel"));
    this.#form = new PatrolForm(this.#dialog, cameras, texts, (ids, every) => {
      // All that somebody sees who is limited to some has to be named: others may come whom he does not see.
      const named = ids ?? (session.info.limited ? cameras.list().map((info) => info.id) : null);
      void this.#try("room_patrol_failed", () => api.patrol(rooms.room, named, every));
    });
    this.#listen();
    this.#places();
    this.#people();
    this.#runs();
  }

  #listen() {
    this.#button.addEventListener("click", () => {
      this.#show();
      this.#dialog.showModal();
    });
    this.#dialog.addEventListener("keydown", (event) => event.stopPropagation()); // what is typed here is no order to the page
    closable(this.#dialog);

    const place = /** @type {HTMLSelectElement} */ (find(this.#dialog, "#room-place"));
    place.addEventListener("change", () => this.#go(place.value));
    find(this.#dialog, "#room-other").addEventListener("submit", (/** @type {Event} */ event) => {
      event.preventDefault();
      this.#other();
    });
    const name = /** @type {HTMLInputElement} */ (find(this.#dialog, "#room-name"));
    name.addEventListener("change", () => {
      this.#rooms.name = name.value;
      name.value = this.#rooms.name;
    });
    const drives = /** @type {HTMLInputElement} */ (find(this.#dialog, "#room-drives"));
    drives.addEventListener("change", () => (this.#rooms.drives = drives.checked));
    find(this.#dialog, "#patrol-stop").addEventListener("click", () => this.#try("room_patrol_kept", () => api.endPatrol(this.#rooms.room)));

    this.#rooms.addEventListener("rooms", () => this.#places());
    this.#rooms.addEventListener("people", () => this.#people());
    this.#rooms.addEventListener("patrol", () => this.#runs());
    this.#rooms.addEventListener("drives", () => (drives.checked = this.#rooms.drives));
    this.#cameras.addEventListener("list", () => this.#runs());
  }

  /** What the user has set, as it is. */
  #show() {
    find(this.#dialog, "#room-place").value = this.#rooms.room;
    find(this.#dialog, "#room-name").value = this.#rooms.name;
    find(this.#dialog, "#room-drives").checked = this.#rooms.drives;
    this.#form.show();
  }

  #places() {
    const place = /** @type {HTMLSelectElement} */ (find(this.#dialog, "#room-place"));
    place.replaceChildren(...this.#rooms.known.map((room) => new Option(room, room)));
    place.value = this.#rooms.room;
  }

  #other() {
    const field = /** @type {HTMLInputElement} */ (find(this.#dialog, "#room-new"));
    const room = roomNamed(field.value);
    const bad = find(this.#dialog, "#room-bad");
    bad.hidden = room !== "";
    if (room) return this.#go(room);
    field.focus();
  }

  /** @param {string} room */
  #go(room) {
    if (room === this.#rooms.room) return this.#dialog.close();
    location.assign(roomAddress(location.href, room));
  }

  #people() {
    const { people, count, driver } = this.#rooms;
    say(find(this.#dialog, "#room-count"), count ? this.#texts.get("room_count", { count }) : this.#texts.get("room_nobody"));
    find(this.#dialog, "#room-people").replaceChildren(...people.map((person) => this.#person(person, person === driver)));
    const more = find(this.#dialog, "#room-more");
    more.hidden = count <= people.length;
    say(more, this.#texts.get("room_more", { count: count - people.length }));
    this.#sign();
  }

  /** @param {import("./rooms.js").Person} person @param {boolean} drove this person switched the room last */
  #person(person, drove) {
    const item = copy("person");
    const you = person.id === this.#rooms.you;
    item.toggleAttribute("data-you", you);
    item.dataset.following = String(person.following);
    say(find(item, ".person-name"), person.name || this.#texts.get("room_unnamed"));
    find(item, ".person-you").hidden = !you;
    say(find(item, ".person-sees"), this.#texts.get(person.following ? "room_follows" : "room_own"));
    const when = find(item, ".person-drove");
    when.hidden = !person.selected;
    when.toggleAttribute("data-last", drove);
    const time = new Date(person.selected ?? "").toLocaleTimeString(this.#texts.language, { hour12: false });
    say(when, this.#texts.get(drove ? "room_switched_last" : "room_switched", { time }));
    return item;
  }

  #runs() {
    const { patrol, patrolled } = this.#rooms;
    const t = this.#texts;
    find(this.#dialog, "#patrol-runs").hidden = !patrol;
    find(this.#dialog, "#patrol-form").hidden = Boolean(patrol);
    find(this.#dialog, "#patrol").hidden = !patrol && !this.#session.offers("operate");
    if (patrol) {
      const count = patrol.cameras?.length ?? this.#cameras.count;
      say(find(this.#dialog, "#patrol-what"), t.get("room_patrol_runs", { count, every: patrol.every_s }));
      say(find(this.#dialog, "#patrol-now"), patrolled ? t.get("room_patrol_now", { camera: this.#cameras.name(patrolled) }) : t.get("room_patrol_held"));
    }
    if (this.#patrols && !patrol) this.#messages.add(t.get("room_patrol_ended"), "info", ENDED_MS);
    this.#patrols = Boolean(patrol);
    this.#sign();
  }

  /** In the header: which room, how many are in it, and whether a patrol runs. */
  #sign() {
    const { room, count, patrol } = this.#rooms;
    const t = this.#texts;
    say(find(this.#button, "#room"), t.get("room", { room }));
    const others = find(this.#button, ".room-others span");
    others.hidden = count === 0;
    say(others, String(count));
    find(this.#button, ".room-patrol").hidden = !patrol;
    const words = [t.get("room", { room })];
    if (count) words.push(t.get("room_count", { count }));
    if (patrol) words.push(t.get("room_patrol"));
    const label = words.join(" · ");
    if (this.#button.title !== label) {
      this.#button.title = label;
      this.#button.setAttribute("aria-label", label);
    }
  }

  /** @param {"room_patrol_failed"|"room_patrol_kept"} failed what to say where it does not work @param {() => Promise<void>} call */
  async #try(failed, call) {
    const said = find(this.#dialog, "#patrol-failed");
    try {
      await call();
      said.hidden = true;
    } catch (error) {
      say(said, this.#texts.get(failed, { why: this.#texts.why(error) }));
      said.hidden = false;
    }
  }
}
