import * as api from "./api.js";
import { causeWord } from "./causes.js";
import { copy, find, say } from "./dom.js";

/** After a change of state the history is asked for again, at most so often, ms. */
const AFTER_MS = 500;

/** What has failed of one camera, newest first. It is asked for again when the camera's state changes. */
export class FailureList {
  #root;
  #cameras;
  #texts;
  #camera = "";
  #known = ""; // what the list was asked for
  #timer = 0;

  /** @param {HTMLElement} root @param {import("./cameras.js").Cameras} cameras @param {import("./i18n.js").Texts} texts */
  constructor(root, cameras, texts) {
    this.#root = root;
    this.#cameras = cameras;
    this.#texts = texts;
    cameras.addEventListener("status", (event) => {
      if (/** @type {CustomEvent} */ (event).detail.id === this.#camera) this.#changed();
    });
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
    this.#timer = 0;
    this.#camera = this.#known = "";
    find(this.#root, ".failures").replaceChildren();
    say(find(this.#root, ".drawer-note"), "");
  }

  #state() {
    const { state = "", restarts = 0, pid = 0 } = this.#cameras.get(this.#camera) ?? {};
    return `${state} ${restarts} ${pid}`;
  }

  #changed() {
    if (this.#timer || this.#state() === this.#known) return;
    this.#timer = setTimeout(() => void this.#fetch(), AFTER_MS);
  }

  async #fetch() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#known = this.#state();
    const camera = this.#camera;
    try {
      const failures = await api.failures(camera);
      if (camera === this.#camera) this.#render(failures);
    } catch (error) {
      if (camera !== this.#camera) return;
      this.#known = "";
      say(find(this.#root, ".drawer-note"), this.#texts.get("op_failures_unknown", { why: this.#texts.why(error) }));
    }
  }

  /** Those that are there already stay as they are, opened or not. @param {api.Failure[]} failures */
  #render(failures) {
    const list = find(this.#root, ".failures");
    const there = new Map([...list.children].map((item) => [/** @type {HTMLElement} */ (item).dataset.key, item]));
    const items = failures.map((failure) => {
      const key = `${failure.at} ${failure.cause}`;
      return there.get(key) ?? this.#item(failure, key);
    });
    list.replaceChildren(...items);
    say(find(this.#root, ".drawer-note"), failures.length ? "" : this.#texts.get("op_failures_none"));
  }

  /** @param {api.Failure} failure @param {string} key */
  #item(failure, key) {
    const t = this.#texts;
    const item = copy("failure");
    Object.assign(item.dataset, { key, cause: failure.cause });
    say(find(item, ".failure-cause"), causeWord(failure.cause, t));
    const when = new Date(failure.at);
    const time = find(item, "time");
    time.dateTime = failure.at;
    say(time, when.toLocaleString(t.language, { dateStyle: "medium", timeStyle: "medium", hour12: false }));
    say(find(item, ".failure-text"), failure.text);
    const ran = failure.ran_ms > 0 ? t.get("op_failure_ran", { time: t.duration(failure.ran_ms) }) : "";
    say(find(item, ".failure-ran"), [ran, failure.pid ? `${t.get("process")} ${failure.pid}` : ""].filter(Boolean).join(" · "));
    find(item, "details").hidden = !failure.tail?.length;
    say(find(item, "pre"), (failure.tail ?? []).join("\n"));
    return item;
  }
}
