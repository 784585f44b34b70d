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

/** What is known of every camera. Events: "list" when cameras came or went, "status" with the camera's Info as detail. */
export class Cameras extends EventTarget {
  /** @type {Map<string, Info>} */ #infos = new Map();

  /** @param {string} id */
  get(id) {
    return this.#infos.get(id);
  }

  /** In the order in which they are shown: group by group, as the groups first appear. @returns {Info[]} */
  list() {
    return [...this.groups().values()].flat();
  }

  /** @returns {Map<string, Info[]>} by group, "" for those without one, which come last */
  groups() {
    /** @type {Map<string, Info[]>} */
    const groups = new Map();
    for (const info of this.#infos.values()) {
      const members = groups.get(info.group ?? "");
      if (members) members.push(info);
      else groups.set(info.group ?? "", [info]);
    }
    const rest = groups.get("");
    if (rest && groups.delete("")) groups.set("", rest);
    return groups;
  }

  /** The name for people. @param {string} id */
  name(id) {
    return this.get(id)?.name || id;
  }

  /** @param {unknown} infos the whole list, replacing what was known */
  replace(infos) {
    if (!Array.isArray(infos)) return;
    this.#infos = new Map(infos.filter((info) => typeof info?.id === "string").map((info) => [info.id, info]));
    this.dispatchEvent(new CustomEvent("list"));
  }

  /** @param {Record<string, any>} message of type status: the fields of Info, with camera for id */
  status({ type, camera, ...fields }) {
    const known = this.get(camera);
    if (!known) return; // the list that names it is on its way
    const info = { ...known, error: "", retry_at: "", ...fields, id: camera };
    this.#infos.set(camera, info);
    this.dispatchEvent(new CustomEvent("status", { detail: info }));
  }
}
