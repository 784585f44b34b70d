import { countsInWords } from "./causes.js";
import { Charts } from "./charts.js";
import { copy, find, say, showState } from "./dom.js";
import { FailureList } from "./failurelist.js";
import { History } from "./history.js";
import { LogView } from "./logview.js";
import { TabList } from "./tablist.js";
import { ViewerList } from "./viewerlist.js";

const TABS = /** @type {const} */ (["charts", "log", "failures", "viewers"]);

/** @typedef {typeof TABS[number]} Tab */

/** Everything about the camera on the stage, in tabs. What is not looked at does nothing, but that figures are kept. */
export class Drawer {
  #root = copy("drawer");
  #cameras;
  #texts;
  #camera = "";
  /** @type {Tab} */ #tab = "charts";
  #tabs;
  #history = new History();
  #parts;
  /** @type {HTMLElement|null} */ #opener = null;
  #changed;

  /**
   * @param {HTMLElement} place that it is put into
   * @param {import("./cameras.js").Cameras} cameras
   * @param {import("./messages.js").Messages} messages
   * @param {import("./i18n.js").Texts} texts
   * @param {(open: boolean) => void} changed
   */
  constructor(place, cameras, messages, texts, changed) {
    this.#cameras = cameras;
    this.#texts = texts;
    this.#changed = changed;
    place.append(this.#root);
    const panel = (/** @type {Tab} */ tab) => find(this.#root, `#panel-${tab}`);
    this.#parts = {
      charts: new Charts(find(this.#root, ".charts"), this.#history, texts),
      log: new LogView(panel("log"), messages, texts),
      failures: new FailureList(panel("failures"), cameras, texts),
      viewers: new ViewerList(panel("viewers"), texts),
    };
    cameras.addEventListener("status", (event) => this.#status(/** @type {CustomEvent} */ (event).detail));
    cameras.addEventListener("list", () => this.open && this.#facts());
    find(this.#root, "[data-action=close-details]").addEventListener("click", () => this.close());
    this.#root.addEventListener("keydown", (event) => this.#key(event));
    this.#tabs = new TabList(this.#root, TABS, (tab) => this.select(/** @type {Tab} */ (tab)));
  }

  get open() {
    return !this.#root.hidden;
  }

  /** @param {HTMLElement|null} [opener] where the focus goes back to */
  toggle(opener = null) {
    if (this.open) return this.close();
    this.#opener = opener;
    this.#root.hidden = false;
    this.#changed(true);
    this.select(this.#tab);
    this.#tabs.focus(this.#tab);
  }

  close() {
    if (!this.open) return;
    const focused = this.#root.contains(document.activeElement);
    this.#root.hidden = true;
    for (const tab of TABS) this.#parts[tab].hide();
    this.#changed(false);
    if (focused) this.#opener?.focus();
  }

  /** @param {string} camera */
  show(camera) {
    if (camera === this.#camera) return;
    this.#camera = camera;
    if (this.open) this.select(this.#tab);
  }

  /** @param {Tab} tab */
  select(tab) {
    this.#tab = tab;
    this.#tabs.select(tab);
    for (const name of TABS) if (name !== tab || !this.open) this.#parts[name].hide();
    this.#facts();
    if (this.open) void this.#parts[tab].show(this.#camera);
  }

  /** @param {import("./cameras.js").Info} info */
  #status(info) {
    this.#history.note(info.id, info, Date.now() / 1000);
    if (this.open && info.id === this.#camera) this.#facts();
  }

  #facts() {
    const t = this.#texts;
    const info = this.#cameras.get(this.#camera);
    say(find(this.#root, "#drawer-title"), info?.name || this.#camera || t.get("none"));
    const state = find(this.#root, ".drawer-head .state");
    state.hidden = !info;
    if (info) showState(state, info.state, t.state(info.state));
    const since = new Date(info?.since ?? "");
    const known = Number.isNaN(since.getTime()) ? "–" : since.toLocaleString(t.language, { dateStyle: "medium", timeStyle: "medium", hour12: false });
    say(find(this.#root, "#fact-since"), known);
    say(find(this.#root, "#fact-restarts"), countsInWords(info?.restart_causes, t) || String(info?.restarts ?? "–"));
    say(find(this.#root, "#fact-memory"), info?.rss ? `${Math.round(info.rss / 2 ** 20)} MiB` : "–");
    say(find(this.#root, "#fact-node"), info?.node || "–");
    say(find(this.#root, "#fact-source"), info?.source || "–");
    find(this.#root, ".fact-error").hidden = !info?.error;
    say(find(this.#root, "#fact-error"), info?.error ?? "");
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const target = /** @type {HTMLElement} */ (event.target);
    if (target.tagName === "INPUT" && event.key !== "Escape") return event.stopPropagation(); // letters are letters there
    if (event.key === "Escape") {
      event.stopPropagation();
      this.close();
    }
  }
}
