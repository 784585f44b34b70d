import { arrange } from "./order.js";

/**
 * @typedef {object} Info a camera as the server describes it
 * @property {string} id
 * @property {string} name
 * @property {string} group
 * @property {string} source without secrets
 * @property {string} state
 * @property {string} since
 * @property {string} [error]
 * @property {string} [retry_at] RFC 3339: when the camera or its process is tried again
 * @property {number} pid 0 while no process runs
 * @property {string} [node]
 * @property {number} restarts
 * @property {number} width px
 * @property {number} height px
 * @property {number} fps
 * @property {number} bitrate bit/s
 * @property {number} age_ms
 * @property {number} viewers
 * @property {number} [rss] bytes
 * @property {Record<string, number>} [restart_causes]
 */

/** What is known of every camera. Events: "list" when cameras came, went or have other names or groups, "status" with the camera's Info as detail. */
export class Cameras extends EventTarget {
  /** @type {Map<string, Info>} */ #infos = new Map();
  #live = 0;
  /** @type {string[]} */ #order = [];

  /** @param {string[]} order in which the user wants them, by id; empty: the server's */
  constructor(order = []) {
    super();
    this.#order = order;
  }

  get order() {
    return this.#order;
  }

  set order(ids) {
    this.#order = ids;
    this.dispatchEvent(new CustomEvent("list"));
  }

  /** How many there are. */
  get count() {
    return this.#infos.size;
  }

  /** How many of them are live. */
  get live() {
    return this.#live;
  }

  /** @param {string} id */
  get(id) {
    return this.#infos.get(id);
  }

  /** In the order in which they are shown: the user's, else group by group, as the groups first appear. @returns {Info[]} */
  list() {
    if (this.#order.length) return arrange([...this.#infos.values()], this.#order);
    return [...this.groups([...this.#infos.values()]).values()].flat();
  }

  /** @param {Info[]} infos @returns {Map<string, Info[]>} by group, "" for those without one, which come last */
  groups(infos) {
    /** @type {Map<string, Info[]>} */
    const groups = new Map();
    for (const info of infos) {
      const members = groups.get(info.group ?? "");
      if (members) members.push(info);
      else groups.set(info.group ?? "", [info]);
    }
    const rest = groups.get("");
    if (rest && groups.delete("")) groups.set("", rest);
    return groups;
  }

  /** The names of all groups, those of cameras without one left out. */
  groupNames() {
    return [...this.groups(this.list()).keys()].filter(Boolean);
  }

  /** The name for people. @param {string} id */
  name(id) {
    return this.get(id)?.name || id;
  }

  /** @param {unknown} infos the whole list, replacing what was known */
  replace(infos) {
    if (!Array.isArray(infos)) return;
    this.#infos = new Map(infos.filter((info) => typeof info?.id === "string").map((info) => [info.id, info]));
    this.#live = [...this.#infos.values()].filter((info) => info.state === "live").length;
    this.dispatchEvent(new CustomEvent("list"));
  }

  /** @param {Record<string, any>} message of type status: the fields of Info, with camera for id */
  status({ type, camera, ...fields }) {
    const known = this.get(camera);
    if (!known) return; // the list that names it is on its way
    const info = { ...known, error: "", retry_at: "", ...fields, id: camera };
    this.#infos.set(camera, info);
    this.#live += Number(info.state === "live") - Number(known.state === "live");
    this.dispatchEvent(new CustomEvent("status", { detail: info }));
    if (info.name !== known.name || info.group !== known.group) this.dispatchEvent(new CustomEvent("list"));
  }
}
