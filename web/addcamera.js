import * as api from "./api.js";
import { copy, find, say } from "./dom.js";
import { Search } from "./search.js";

/** A little longer than the server takes at most, ms. */
const TEST_MS = 25_000;
/** A camera that is not live after so long is said to have no picture yet, ms. */
const PATIENCE_MS = 30_000;
/** How long a good outcome stays to be read, ms. */
const READ_MS = 8000;

/** @typedef {"idle"|"busy"|"good"|"bad"} Phase of the test of the address as it is now */

/** The dialog that adds a camera: an address is tested, its picture seen, and the camera saved and shown. */
export class AddCamera {
  #cameras;
  #messages;
  #texts;
  #choose;
  #dialog = /** @type {HTMLDialogElement} */ (copy("add"));
  /** @type {Phase} */ #phase = "idle";
  #found = ""; // the whole address, where only a host was asked for
  #picture = ""; // object URL
  #fingerprint = ""; // of the certificate that the last test did not trust
  /** @type {AbortController|null} */ #test = null;
  #saving = false;

  /**
   * @param {HTMLElement} button that opens it
   * @param {import("./cameras.js").Cameras} cameras
   * @param {import("./messages.js").Messages} messages
   * @param {import("./i18n.js").Texts} texts
   * @param {(camera: string) => void} choose shows a camera
   */
  constructor(button, cameras, messages, texts, choose) {
    this.#cameras = cameras;
    this.#messages = messages;
    this.#texts = texts;
    this.#choose = choose;
    this.#prepare();
    button.addEventListener("click", () => this.open());
  }

  open() {
    const dialog = this.#dialog;
    if (dialog.open) return;
    this.#groups();
    this.#show("idle");
    dialog.showModal();
    find(dialog, "[name=source]").focus();
    api.defaults().then(({ fps, quality }) => {
      find(dialog, "[name=fps]").placeholder = String(fps);
      find(dialog, "[name=quality]").placeholder = String(quality);
    }).catch(() => {}); // then nobody is told what they are, and they hold all the same
  }

  #prepare() {
    const dialog = this.#dialog;
    document.body.append(dialog);
    const form = find(dialog, "form");
    find(dialog, "[name=source]").placeholder = this.#texts.get("add_source_example");
    find(dialog, "[name=name]").placeholder = this.#texts.get("add_name_example");
    form.addEventListener("submit", (/** @type {SubmitEvent} */ event) => {
      event.preventDefault();
      const button = /** @type {HTMLElement|null} */ (event.submitter);
      const saves = button?.matches(".add-save") || (this.#savable && dialog.querySelector(".add-rest :focus"));
      if (saves) void this.#save();
      else void this.#try();
    });
    find(dialog, "[name=source]").addEventListener("input", () => this.#offer("")); // another camera, another certificate
    find(dialog, ".add-where").addEventListener("input", () => this.#show("idle"));
    for (const close of dialog.querySelectorAll(".add-close")) close.addEventListener("click", () => dialog.close());
    const search = new Search(find(dialog, ".add-search"), this.#texts, (found) => this.#take(found));
    dialog.addEventListener("close", () => {
      search.clear();
      form.reset(); // a password does not stay in the page
      this.#offer("");
      this.#show("idle");
    });
    dialog.addEventListener("keydown", (event) => event.stopPropagation()); // keys here are text, not orders to the page
  }

  /** Fills in what was found; its user name and password are the user's to know. @param {api.Found} found */
  #take({ source, name, hardware }) {
    find(this.#dialog, "[name=source]").value = source;
    find(this.#dialog, "[name=name]").value = (name || hardware || "").slice(0, 60);
    this.#offer("");
    this.#show("idle");
    find(this.#dialog, "[name=user]").focus();
  }

  /** Groups that there are can be chosen. */
  #groups() {
    const options = this.#cameras.groupNames().map((name) => {
      const option = document.createElement("option");
      option.value = name;
      return option;
    });
    find(this.#dialog, "datalist").replaceChildren(...options);
  }

  get #busy() {
    return this.#phase === "busy";
  }

  get #savable() {
    return (this.#phase === "good" || this.#phase === "bad") && !this.#saving;
  }

  /** @param {string} name @returns {string} */
  #value(name) {
    const { value } = find(this.#dialog, `[name=${name}]`);
    return name === "password" ? value : value.trim();
  }

  /**
   * Whatever was under way for another phase ends.
   * @param {Phase} phase @param {string} [text] @param {string} [detail]
   */
  #show(phase, text = "", detail = "") {
    const dialog = this.#dialog;
    this.#phase = phase;
    if (phase !== "good") {
      this.#forget();
      if (phase !== "busy") this.#test?.abort();
    }
    dialog.dataset.phase = phase;
    say(find(dialog, ".add-outcome"), text || this.#texts.get(phase === "busy" ? "add_testing" : "add_untested"));
    say(find(dialog, ".add-detail"), detail);
    say(find(dialog, ".add-test"), this.#texts.get(phase === "busy" ? "add_stop" : "add_test"));
    this.#buttons();
  }

  #buttons() {
    const save = find(this.#dialog, ".add-save");
    save.disabled = !this.#savable;
    say(save, this.#texts.get(this.#phase === "bad" ? "add_save_anyway" : "add_save"));
  }

  #forget() {
    const image = find(this.#dialog, ".add-picture");
    image.removeAttribute("src");
    image.hidden = true;
    if (this.#picture) URL.revokeObjectURL(this.#picture);
    this.#picture = this.#found = "";
  }

  async #try() {
    if (this.#busy) return this.#show("idle");
    const source = this.#value("source");
    if (!source) return find(this.#dialog, "[name=source]").focus();
    const test = new AbortController();
    this.#test = test;
    this.#show("busy");
    const timer = setTimeout(() => test.abort(new DOMException("", "TimeoutError")), TEST_MS);
    try {
      const answer = await api.test({ source, user: this.#value("user"), password: this.#value("password"), tls_pin: this.#pin }, test.signal);
      if (this.#test !== test || !this.#busy) return;
      this.#seen(source, answer);
    } catch (error) {
      if (this.#test !== test || !this.#busy) return;
      const why = this.#texts.why(error);
      this.#show("bad", this.#texts.get("add_no_picture"), why);
      const fingerprint = /tls_pin: (sha256:[0-9a-f]{64})/.exec(why)?.[1];
      if (fingerprint) this.#offer(fingerprint);
    } finally {
      clearTimeout(timer);
    }
  }

  /** The fingerprint that the user trusts. */
  get #pin() {
    const trusted = find(this.#dialog, "[name=trust]").checked;
    return trusted && this.#fingerprint ? this.#fingerprint : undefined;
  }

  /** Lets the user trust a certificate, which none but the user can judge. @param {string} fingerprint "" takes the offer back */
  #offer(fingerprint) {
    if (fingerprint === this.#fingerprint) return;
    this.#fingerprint = fingerprint;
    find(this.#dialog, "[name=trust]").checked = false;
    find(this.#dialog, ".add-trust").hidden = !fingerprint;
  }

  /** @param {string} source as it was asked for @param {Awaited<ReturnType<typeof api.test>>} answer */
  #seen(source, { picture, found, width, height }) {
    this.#show("good", this.#texts.get("add_seen", { size: `${width} × ${height}` }), found === source ? "" : found);
    if (!/:\/\/|^(test|push):/i.test(source)) this.#found = found;
    this.#picture = URL.createObjectURL(picture);
    const image = find(this.#dialog, ".add-picture");
    image.alt = this.#texts.get("add_picture");
    image.src = this.#picture;
    image.hidden = false;
    const name = find(this.#dialog, "[name=name]");
    if (!name.value) name.focus();
  }

  async #save() {
    if (!this.#savable) return;
    this.#saving = true;
    this.#buttons();
    const text = (/** @type {string} */ name) => this.#value(name) || undefined;
    const number = (/** @type {string} */ name) => Number(this.#value(name)) || undefined;
    try {
      const added = await api.add({
        source: this.#found || this.#value("source"), user: text("user"), password: text("password"), tls_pin: this.#pin,
        name: text("name"), group: text("group"), fps: number("fps"), quality: number("quality"),
      });
      this.#dialog.close();
      this.#await(added.id, added.name || added.id);
    } catch (error) {
      say(find(this.#dialog, ".add-outcome"), this.#texts.get("add_not_saved"));
      say(find(this.#dialog, ".add-detail"), this.#texts.why(error));
    } finally {
      this.#saving = false;
      this.#buttons();
    }
  }

  /** Shows the camera once it is live. @param {string} id @param {string} name */
  #await(id, name) {
    const message = this.#messages.add(this.#texts.get("add_saved", { camera: name }), "info", 0);
    const end = () => {
      clearTimeout(timer);
      for (const type of ["status", "list"]) this.#cameras.removeEventListener(type, look);
    };
    const look = () => {
      if (this.#cameras.get(id)?.state !== "live") return;
      end();
      message.set(this.#texts.get("add_live", { camera: name }), "good", READ_MS);
      this.#choose(id);
    };
    const timer = setTimeout(() => {
      end();
      const info = this.#cameras.get(id);
      const why = info ? [this.#texts.state(info.state), info.error].filter(Boolean).join(" – ") : this.#texts.get("no_connection");
      message.set(this.#texts.get("add_late", { camera: name, why }), "bad", 0);
    }, PATIENCE_MS);
    for (const type of ["status", "list"]) this.#cameras.addEventListener(type, look);
    look();
  }
}
