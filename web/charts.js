import { say } from "./dom.js";
import { SPAN_S } from "./history.js";
import { bitrate, rate } from "./units.js";

/** Drawn at most so often, ms. */
const EVERY_MS = 1000;
const HEIGHT = 104;

/** @type {Promise<any>|null} */
let loading = null;

/** The library that draws, fetched when charts are looked at for the first time. @returns {Promise<any>} the class uPlot */
function library() {
  loading ??= new Promise((resolve, reject) => {
    const style = document.createElement("link");
    Object.assign(style, { rel: "stylesheet", href: new URL("vendor/uplot.css", import.meta.url).href });
    const script = document.createElement("script");
    script.src = new URL("vendor/uplot.js", import.meta.url).href;
    script.onload = () => resolve(/** @type {any} */ (window).uPlot);
    script.onerror = () => {
      loading = null; // the next time it may be had
      script.remove();
      style.remove();
      reject(new TypeError("load charts"));
    };
    document.head.append(style, script);
  });
  return loading;
}

/** @typedef {"fps"|"bitrate"|"age"} Figure */
/** @typedef {{figure: Figure, colour: string, root: HTMLElement, value: HTMLElement, plot: any}} Chart */

/** Small charts of one camera's figures over the last five minutes. They cost nothing while they are hidden. */
export class Charts {
  #root;
  #history;
  #texts;
  #camera = "";
  #timer = 0;
  #shown = false;
  #theme = "";
  /** @type {Chart[]} */ #charts = [];
  #resized = new ResizeObserver(() => this.#size());

  /** @param {HTMLElement} root @param {import("./history.js").History} history @param {import("./i18n.js").Texts} texts */
  constructor(root, history, texts) {
    this.#root = root;
    this.#history = history;
    this.#texts = texts;
  }

  /** @param {string} camera */
  async show(camera) {
    this.#camera = camera;
    if (this.#shown) return this.#draw();
    this.#shown = true;
    this.#timer = setInterval(() => document.hidden || this.#draw(), EVERY_MS);
    this.#resized.observe(this.#root);
    await this.#draw();
  }

  hide() {
    this.#shown = false;
    clearInterval(this.#timer);
    this.#resized.disconnect();
    this.#clear();
  }

  #clear() {
    for (const { plot } of this.#charts) plot.destroy();
    this.#charts = [];
    this.#root.replaceChildren();
    this.#theme = "";
  }

  async #draw() {
    let uPlot;
    try {
      uPlot = await library();
    } catch {
      say(this.#root, this.#texts.get("no_connection"));
      return;
    }
    if (!this.#shown) return;
    const style = getComputedStyle(this.#root);
    const colour = (/** @type {string} */ name) => style.getPropertyValue(name).trim();
    const theme = ["--good", "--accent", "--wait", "--line", "--muted"].map(colour).join() + this.#texts.language;
    if (theme !== this.#theme) {
      this.#clear();
      this.#theme = theme;
      this.#build(uPlot, colour);
    }
    const now = Date.now() / 1000;
    const columns = this.#history.columns(this.#camera, now);
    for (const chart of this.#charts) this.#fill(chart, columns, now);
  }

  /** @param {any} uPlot @param {(name: string) => string} colour */
  #build(uPlot, colour) {
    const figures = /** @type {const} */ ([["fps", "--good"], ["bitrate", "--accent"], ["age", "--wait"]]);
    const lines = { stroke: colour("--muted"), font: "11px system-ui", grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false } };
    const sync = uPlot.sync("figures"); // one cursor for all three
    for (const [figure, name] of figures) {
      const root = document.createElement("figure");
      root.className = "chart";
      root.dataset.figure = figure;
      root.setAttribute("role", "img");
      const caption = root.appendChild(document.createElement("figcaption"));
      const label = caption.appendChild(document.createElement("span"));
      label.className = "chart-name";
      label.style.setProperty("--line-colour", colour(name));
      say(label, this.#texts.get(figure));
      const value = caption.appendChild(document.createElement("output"));
      value.setAttribute("aria-live", "off");
      this.#root.append(root);
      /** @type {Chart} */
      const chart = { figure, colour: colour(name), root, value, plot: null };
      chart.plot = new uPlot({
        width: this.#width(), height: HEIGHT, legend: { show: false }, padding: [6, 14, 0, 0],
        cursor: { y: false, drag: { x: false, y: false }, points: { size: 6 }, sync: { key: sync.key } },
        scales: { x: { time: false }, y: { auto: false, range: (/** @type {any} */ _, /** @type {number} */ least, /** @type {number} */ most) => [least, most] } },
        axes: [
          { ...lines, size: 22, splits: () => this.#minutes(), values: (/** @type {any} */ _, /** @type {number[]} */ at) => at.map((x) => this.#minute(x)) },
          { ...lines, size: 64, space: 26, values: (/** @type {any} */ _, /** @type {number[]} */ values) => values.map((v) => this.#tick(figure, v)) },
        ],
        series: [{}, { stroke: colour(name), width: 1.75, points: { show: false }, spanGaps: false }],
        hooks: { setCursor: [() => this.#caption(chart)] },
      }, [[], []], root);
      this.#charts.push(chart);
    }
  }

  /** @param {Chart} chart @param {ReturnType<import("./history.js").History["columns"]>} columns @param {number} now s */
  #fill(chart, columns, now) {
    const x = columns.at.map((at) => at - now); // in the past, s
    const known = columns[chart.figure].filter((value) => value !== null);
    chart.plot.batch(() => {
      chart.plot.setData([x, columns[chart.figure]], false);
      chart.plot.setScale("x", { min: -SPAN_S, max: 0 });
      chart.plot.setScale("y", { min: 0, max: Math.max(...known, 0) * 1.15 || 1 });
    });
    this.#caption(chart);
    const words = known.length
      ? this.#texts.get("op_chart", {
        name: this.#texts.get(chart.figure), value: this.#value(chart.figure, known[known.length - 1]),
        least: this.#value(chart.figure, Math.min(...known)), most: this.#value(chart.figure, Math.max(...known)),
      })
      : `${this.#texts.get(chart.figure)}: –`;
    chart.root.setAttribute("aria-label", words);
    chart.root.dataset.points = String(known.length);
  }

  /** The value under the cursor, else the newest. @param {Chart} chart */
  #caption(chart) {
    const values = chart.plot?.data[1] ?? [];
    const at = chart.plot?.cursor.idx ?? values.length - 1;
    say(chart.value, this.#value(chart.figure, values[at]));
  }

  /** @param {Figure} figure @param {number|null|undefined} value */
  #value(figure, value) {
    if (figure === "bitrate") return bitrate(value);
    if (figure === "age") return this.#texts.duration(value);
    return `${rate(value)} ${this.#texts.get("fps_unit")}`;
  }

  /** @param {Figure} figure @param {number} value */
  #tick(figure, value) {
    if (figure === "fps") return String(Math.round(value * 10) / 10);
    return value === 0 ? "0" : this.#value(figure, value);
  }

  #minutes() {
    return Array.from({ length: SPAN_S / 60 + 1 }, (_, i) => -SPAN_S + 60 * i);
  }

  /** @param {number} x s */
  #minute(x) {
    return x === 0 ? this.#texts.get("op_now") : `−${Math.round(-x / 60)} ${this.#texts.get("unit_min")}`;
  }

  #width() {
    return Math.max(160, Math.floor(this.#root.clientWidth));
  }

  #size() {
    const width = this.#width();
    for (const { plot } of this.#charts) if (plot.width !== width) plot.setSize({ width, height: HEIGHT });
  }
}
