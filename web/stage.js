import { find, say, shape, showState } from "./dom.js";
import { bitrate, rate } from "./units.js";
import { judge } from "./verdict.js";

/** A switch that takes longer than this shows that it is under way, ms. */
const SPINNER_MS = 150;
/** After so long the picture of another camera must not stand under the new name any more, ms. */
const COVER_MS = 2000;
/** A camera that is being woken shows its last keyframe first: for so long that may go without a word, ms. */
const WAKE_MS = 300;

/** The large picture with its name, its figures, and a clear sign whenever it is not the present. */
export class Stage {
  #root;
  #cameras;
  #texts;
  #target = "";
  #since = 0;
  /** @type {"connecting"|"open"|"lost"} */ #connection = "connecting";
  /** @type {import("./painter.js").Figures|null} */ #picture = null;
  /** @type {number[]} */ #timers = [];
  #lastKnownSince = 0;
  #wakeTimer = 0;
  /** The room shows a camera that this user may not see. */
  withheld = false;

  /** @param {HTMLElement} root @param {import("./cameras.js").Cameras} cameras @param {import("./i18n.js").Texts} texts */
  constructor(root, cameras, texts) {
    this.#root = root;
    this.#cameras = cameras;
    this.#texts = texts;
    cameras.addEventListener("list", () => this.render());
    cameras.addEventListener("status", (event) => {
      if (/** @type {CustomEvent} */ (event).detail.id === this.#target) this.render();
    });
  }

  /** Which camera should be seen; it may not be there yet. */
  get target() {
    return this.#target;
  }

  /** @param {string} camera id, "" for none */
  show(camera) {
    if (camera === this.#target) return;
    this.#target = camera;
    this.#since = performance.now();
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers = [SPINNER_MS, COVER_MS].map((ms) => setTimeout(() => this.render(), ms + 1));
    this.render();
  }

  /** @param {"connecting"|"open"|"lost"} state */
  connection(state) {
    this.#connection = state;
    this.render();
  }

  /** @param {import("./painter.js").Figures} picture what is on the canvas now */
  picture(picture) {
    if (picture.notLive && !(this.#picture?.notLive && this.#picture.camera === picture.camera)) {
      this.#lastKnownSince = performance.now();
      clearTimeout(this.#wakeTimer);
      this.#wakeTimer = setTimeout(() => this.render(), WAKE_MS + 1);
    }
    this.#picture = picture;
    this.render();
  }

  render() {
    const info = this.#cameras.get(this.#target);
    const picture = this.#picture;
    const connected = this.#connection === "open";
    const verdict = judge({ connected, target: this.#target, info, picture });
    const waited = performance.now() - this.#since;
    const missing = picture?.camera !== this.#target; // also before the first picture of all

    this.#head(info);
    this.#figures(info, missing ? null : picture);
    this.#root.dataset.camera = picture?.camera ?? "";
    this.#root.dataset.seq = picture ? String(picture.seq) : "";
    if (missing && this.#target && waited < SPINNER_MS) { // a quick switch changes nothing but the name
      if (!picture) find(this.#root, "#stage-plate").hidden = true; // "no camera chosen" is over
      return;
    }

    const gone = connected && !info; // also when it was taken away from this user
    const covered = gone || (missing && (!picture || !this.#target || !info || waited >= COVER_MS));
    const hopeful = missing && connected && info !== undefined && ["live", "starting"].includes(info.state);
    const connecting = this.#connection === "connecting";
    const waking = verdict.reason === "last" && performance.now() - this.#lastKnownSince < WAKE_MS;
    this.#root.dataset.live = String(verdict.live || waking);
    this.#root.toggleAttribute("data-covered", covered);
    find(this.#root, "#stage-spinner").hidden = !hopeful && !connecting;
    this.#plate(verdict, info, connecting || waking || (hopeful && waited < COVER_MS));
  }

  /** @param {import("./cameras.js").Info|undefined} info */
  #head(info) {
    say(find(this.#root, "#stage-name"), info ? info.name || info.id : this.#target || (this.withheld ? "" : this.#texts.get("none")));
    say(find(this.#root, "#stage-group"), info?.group ?? "");
    const state = find(this.#root, "#stage-state");
    state.hidden = !info || this.#connection !== "open";
    if (info) showState(state, info.state, this.#texts.state(info.state));
    for (const button of this.#root.querySelectorAll("[data-action=restart], [data-action=snapshot]")) {
      /** @type {HTMLButtonElement} */ (button).disabled = !info;
    }
  }

  /** @param {import("./cameras.js").Info|undefined} info @param {import("./painter.js").Figures|null} picture */
  #figures(info, picture) {
    const figure = (/** @type {string} */ name, /** @type {string} */ text) => say(find(this.#root, `#figure-${name}`), text);
    figure("fps", rate(picture?.fps));
    figure("age", this.#texts.duration(picture?.ageMs));
    this.#work(picture);
    const { width, height } = picture ?? { width: info?.width, height: info?.height };
    figure("size", width && height ? `${width} × ${height}` : "–");
    figure("bitrate", bitrate(info?.bitrate));
    figure("viewers", info ? String(info.viewers ?? 0) : "–");
    figure("pid", info?.pid ? String(info.pid) : "–");
    figure("restarts", info ? String(info.restarts ?? 0) : "–");
    figure("source", info?.source || "–");
  }

  /** What the picture costs here. @param {import("./painter.js").Figures|null} picture */
  #work(picture) {
    const { decodeMs = null, drawMs = null } = picture ?? {};
    const element = find(this.#root, "#figure-work");
    const known = decodeMs !== null && drawMs !== null;
    say(element, known ? `${decodeMs.toFixed(1)} + ${drawMs.toFixed(1)} ${this.#texts.get("unit_ms")}` : "–");
    element.toggleAttribute("data-decode-ms", known);
    element.toggleAttribute("data-draw-ms", known);
    if (known) Object.assign(element.dataset, { decodeMs: decodeMs.toFixed(3), drawMs: drawMs.toFixed(3) });
  }

  /**
   * @param {import("./verdict.js").Verdict} verdict
   * @param {import("./cameras.js").Info|undefined} info
   * @param {boolean} patient the picture may be here any moment: say nothing yet
   */
  #plate(verdict, info, patient) {
    const plate = find(this.#root, "#stage-plate");
    plate.hidden = verdict.live || patient;
    if (plate.hidden) return;
    const { sign, title, detail } = this.#words(verdict.reason, info);
    plate.dataset.state = sign;
    shape(find(plate, "svg"), sign);
    say(find(plate, ".plate-title"), title);
    say(find(plate, ".plate-detail"), detail);
    say(find(plate, ".plate-age"), this.#age());
  }

  #age() {
    const picture = this.#picture;
    if (!picture || this.#root.hasAttribute("data-covered")) return "";
    if (picture.camera === this.#target) return this.#texts.get("picture_age", { age: this.#texts.duration(picture.ageMs) });
    return this.#texts.get("other_picture", { camera: this.#cameras.name(picture.camera) });
  }

  /** @param {string} reason @param {import("./cameras.js").Info|undefined} info */
  #words(reason, info) {
    const t = this.#texts;
    const error = info?.error ?? "";
    switch (reason) {
      case "connection": return { sign: "lost", title: t.get("lost"), detail: t.get("lost_hint") };
      case "none":
        if (this.withheld) return { sign: "waiting", title: t.get("withheld"), detail: t.get("withheld_hint") };
        return { sign: "waiting", title: t.get("none"), detail: t.get("none_hint") };
      case "unknown": return { sign: "unknown", title: t.get("unknown", { camera: this.#target }), detail: t.get("unknown_hint") };
      case "last": return { sign: "reconnecting", title: t.get("last"), detail: error || t.get("last_hint") };
      case "stale": return { sign: "frozen", title: t.get("stale"), detail: error };
      case "empty":
      case "switching": return { sign: "starting", title: t.get("waiting_first"), detail: error };
      default: return { sign: info?.state ?? "", title: t.state(info?.state ?? ""), detail: error || t.meaning(info?.state ?? "") };
    }
  }
}
