import { find, say } from "./dom.js";

/** Bounds of the seconds for each camera, as the server takes them. */
const MIN_S = 2;
const MAX_S = 3600;

/**
 * Which of the cameras a patrol goes through.
 * @param {import("./cameras.js").Info[]} cameras in their order
 * @param {"all"|"group"|"some"} which
 * @param {string} group
 * @param {Set<string>} ticked ids
 * @returns {string[]|null} null for all, also those that come later
 */
export function chosen(cameras, which, group, ticked) {
  if (which === "all") return null;
  const right = which === "group" ? (/** @type {import("./cameras.js").Info} */ info) => (info.group ?? "") === group
    : (/** @type {import("./cameras.js").Info} */ info) => ticked.has(info.id);
  return cameras.filter(right).map((info) => info.id);
}

/** The part of the panel that begins a patrol: how long for each camera, and which cameras. */
export class PatrolForm {
  #root;
  #cameras;
  #texts;
  #start;
  /** @type {Set<string>} */ #ticked = new Set();

  /**
   * @param {HTMLDialogElement} root
   * @param {import("./cameras.js").Cameras} cameras
   * @param {import("./i18n.js").Texts} texts
   * @param {(cameras: string[]|null, every: number) => void} start
   */
  constructor(root, cameras, texts, start) {
    this.#root = root;
    this.#cameras = cameras;
    this.#texts = texts;
    this.#start = start;
    const form = /** @type {HTMLFormElement} */ (find(root, "#patrol-form"));
    form.addEventListener("change", () => this.#check());
    form.addEventListener("input", () => this.#check());
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#check();
      if (this.#why() === "") this.#start(this.#chosen(), this.#every);
    });
    cameras.addEventListener("list", () => root.open && this.show()); // else when the panel is opened
  }

  /** Lists the groups and cameras that there are. */
  show() {
    const groups = [...this.#cameras.groups(this.#cameras.list()).keys()];
    const select = /** @type {HTMLSelectElement} */ (find(this.#root, "#patrol-group"));
    const group = select.value;
    select.replaceChildren(...groups.map((name) => new Option(name || this.#texts.get("ungrouped"), name)));
    if (groups.includes(group)) select.value = group;
    find(this.#root, "#patrol-which-group").hidden = groups.length < 2;
    find(this.#root, "#patrol-cameras").replaceChildren(...this.#cameras.list().map((info) => this.#tick(info)));
    this.#check();
  }

  /** @param {import("./cameras.js").Info} info */
  #tick(info) {
    const label = document.createElement("label");
    const box = document.createElement("input");
    box.type = "checkbox";
    box.value = info.id;
    box.checked = this.#ticked.has(info.id);
    box.addEventListener("change", () => {
      if (box.checked) this.#ticked.add(info.id);
      else this.#ticked.delete(info.id);
    });
    const name = document.createElement("span");
    say(name, info.name || info.id);
    label.append(box, name);
    return label;
  }

  get #every() {
    return Number(find(this.#root, "#patrol-every").value);
  }

  /** @returns {"all"|"group"|"some"} */
  get #which() {
    return find(this.#root, "input[name=patrol-which]:checked").value;
  }

  #chosen() {
    return chosen(this.#cameras.list(), this.#which, find(this.#root, "#patrol-group").value, this.#ticked);
  }

  /** Why it cannot begin, "" where it can. */
  #why() {
    const every = this.#every;
    if (!Number.isInteger(every) || every < MIN_S || every > MAX_S) return this.#texts.get("room_patrol_bad_every", { least: MIN_S, most: MAX_S });
    const count = this.#chosen()?.length ?? this.#cameras.count;
    return count < 2 ? this.#texts.get("room_patrol_few") : "";
  }

  #check() {
    const which = this.#which;
    find(this.#root, "#patrol-group").hidden = which !== "group";
    find(this.#root, "#patrol-cameras").hidden = which !== "some";
    const why = this.#why();
    say(find(this.#root, "#patrol-why"), why);
    find(this.#root, "#patrol-start").disabled = why !== "";
  }
}
