import * as api from "./api.js";
import { copy, find, say } from "./dom.js";
import { rate } from "./units.js";

/** Asked for so often while it can be seen, ms. */
const EVERY_MS = 3000;

/** Who watches one camera. */
export class ViewerList {
  #root;
  #texts;
  #camera = "";
  #timer = 0;

  /** @param {HTMLElement} root @param {import("./i18n.js").Texts} texts */
  constructor(root, texts) {
    this.#root = root;
    this.#texts = texts;
  }

  /** @param {string} camera */
  show(camera) {
    if (camera === this.#camera) return;
    this.hide();
    this.#camera = camera;
    if (camera) void this.#fetch();
  }

  hide() {
    clearTimeout(this.#timer);
    this.#camera = "";
    find(this.#root, ".viewers").replaceChildren();
    say(find(this.#root, ".drawer-note"), "");
  }

  async #fetch() {
    const camera = this.#camera;
    const note = find(this.#root, ".drawer-note");
    try {
      const all = document.hidden ? undefined : await api.viewers();
      if (camera !== this.#camera) return;
      if (all === null) return say(note, this.#texts.get("op_viewers_unavailable"));
      if (all) this.#render(all, camera);
    } catch (error) {
      if (camera !== this.#camera) return;
      say(note, this.#texts.get("op_viewers_unknown", { why: this.#texts.why(error) }));
    }
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#fetch(), EVERY_MS);
  }

  /** @param {api.Client[]} all @param {string} camera */
  #render(all, camera) {
    const list = find(this.#root, ".viewers");
    const watching = all.filter((client) => client.streams?.some((stream) => stream.camera === camera));
    const there = new Map([...list.children].map((item) => [/** @type {HTMLElement} */ (item).dataset.id, /** @type {HTMLElement} */ (item)]));
    list.replaceChildren(...watching.map((client) => this.#fill(there.get(client.id) ?? copy("viewer"), client, camera)));
    say(find(this.#root, ".drawer-note"), watching.length ? "" : this.#texts.get("op_viewers_none"));
  }

  /** @param {HTMLElement} item @param {api.Client} client @param {string} camera */
  #fill(item, client, camera) {
    const t = this.#texts;
    item.dataset.id = client.id;
    say(find(item, ".viewer-name"), client.name || client.address || client.id);
    const since = client.since ? t.get("op_viewer_since", { time: new Date(client.since).toLocaleTimeString(t.language, { hour12: false }) }) : "";
    const room = client.room ? t.get("room", { room: client.room }) : "";
    say(find(item, ".viewer-facts"), [client.kind, client.name ? client.address : "", room, since].filter(Boolean).join(" · "));
    const streams = (client.streams ?? []).filter((stream) => stream.camera === camera).map((stream) => {
      const skipped = stream.skipped ? t.get("op_viewer_skipped", { count: stream.skipped }) : "";
      return [stream.rendition, `${rate(stream.fps)} ${t.get("fps_unit")}`, skipped].filter(Boolean).join(" · ");
    });
    say(find(item, ".viewer-streams"), streams.join(" / "));
    say(find(item, ".viewer-agent"), client.agent ?? "");
    return item;
  }
}
