import * as api from "./api.js";
import { copy, copyField, find, say } from "./dom.js";

const DAY_MS = 24 * 3600_000;

/**
 * What the server is asked for.
 * @param {object} form
 * @param {string} form.name
 * @param {string} form.role
 * @param {string} form.which all, group or some
 * @param {string[]} form.groups
 * @param {string[]} form.cameras ids
 * @param {number} form.days 0 for good
 * @param {number} now ms since 1970
 */
export function tokenOf({ name, role, which, groups, cameras, days }, now) {
  return {
    name: name.trim(),
    role,
    ...(which === "group" && { groups }),
    ...(which === "some" && { cameras }),
    ...(days > 0 && { expires: new Date(now + days * DAY_MS).toISOString() }),
  };
}

/** The tokens that programs use: a list, and a form for a new one. */
export class Tokens {
  #root;
  #cameras;
  #texts;
  #confirm;

  /**
   * @param {HTMLElement} root
   * @param {import("./cameras.js").Cameras} cameras
   * @param {import("./i18n.js").Texts} texts
   * @param {import("./confirm.js").Confirm} confirm
   */
  constructor(root, cameras, texts, confirm) {
    this.#root = root;
    this.#cameras = cameras;
    this.#texts = texts;
    this.#confirm = confirm;
    const form = this.#form;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#make();
    });
    for (const type of ["input", "change"]) form.addEventListener(type, () => this.#check());
    find(root, "#token-copy").addEventListener("click", () => void this.#copy());
  }

  /** @returns {HTMLFormElement} */
  get #form() {
    return find(this.#root, "#token-form");
  }

  show() {
    this.#boxes("#token-groups", this.#cameras.groupNames().map((name) => [name, name]));
    this.#boxes("#token-cameras", this.#cameras.list().map(({ id, name }) => [id, name || id]));
    find(this.#root, "#token-which-group").hidden = this.#cameras.groupNames().length === 0;
    this.#check();
    void this.#fetch();
  }

  /** What is ticked stays so. @param {string} id of the list @param {[value: string, text: string][]} values */
  #boxes(id, values) {
    const ticked = this.#ticked(id);
    find(this.#root, id).replaceChildren(...values.map(([value, text]) => tick(value, text, ticked.includes(value))));
  }

  /** What was made is not shown again. */
  hide() {
    this.#form.reset();
    find(this.#root, "#token-made").hidden = true;
    find(this.#root, "#token-secret").value = "";
    find(this.#root, "#tokens").replaceChildren();
    this.#note("");
  }

  /** @param {string} text */
  #note(text) {
    say(find(this.#root, "#tokens-note"), text);
  }

  async #fetch() {
    try {
      const tokens = await api.tokens();
      find(this.#root, "#tokens").replaceChildren(...tokens.map((token) => this.#item(token)));
      this.#note(tokens.length ? "" : this.#texts.get("tokens_none"));
    } catch (error) {
      this.#note(this.#texts.get("tokens_unknown", { why: this.#texts.why(error) }));
    }
  }

  /** @param {api.Token} token */
  #item(token) {
    const t = this.#texts;
    const item = copy("token");
    item.dataset.token = token.id;
    say(find(item, ".token-name"), token.name);
    const cameras = (token.cameras ?? []).map((id) => this.#cameras.name(id));
    const reach = [...cameras, ...(token.groups ?? []).map((name) => t.get("token_of_group", { name }))].join(", ") || t.get("token_all");
    say(find(item, ".token-facts"), [t.role(token.role), reach].join(" · "));
    const day = (/** @type {string} */ time) => new Date(time).toLocaleString(t.language, { dateStyle: "medium", timeStyle: "short", hour12: false });
    const until = token.expires ? t.get("token_until", { time: day(token.expires) }) : t.get("token_for_good");
    item.toggleAttribute("data-old", token.expires !== undefined && Date.parse(token.expires) < Date.now());
    const made = token.by ? t.get("token_made_by", { time: day(token.created), name: token.by }) : t.get("token_made", { time: day(token.created) });
    say(find(item, ".token-times"), [until, made].join(" · "));
    const button = find(item, "button");
    button.setAttribute("aria-label", t.get("token_revoke_label", { name: token.name }));
    button.addEventListener("click", () => void this.#revoke(token));
    return item;
  }

  /** @param {api.Token} token */
  async #revoke(token) {
    const t = this.#texts;
    const meant = await this.#confirm.ask({
      title: t.get("token_revoke_ask", { name: token.name }), text: t.get("token_revoke_means"), confirm: t.get("token_revoke"), grave: true,
    });
    if (!meant) return;
    try {
      await api.revokeToken(token.id);
      await this.#fetch();
    } catch (error) {
      this.#note(t.get("token_kept", { why: t.why(error) }));
    }
  }

  /** What is ticked. @param {string} id of the list */
  #ticked(id) {
    return [...find(this.#root, id).querySelectorAll("input:checked")].map((box) => /** @type {HTMLInputElement} */ (box).value);
  }

  get #wanted() {
    const form = this.#form;
    const value = (/** @type {string} */ name) => String(new FormData(form).get(name) ?? "");
    return {
      name: value("token-name"), role: value("token-role"), which: value("token-which"), days: Number(value("token-days")),
      groups: this.#ticked("#token-groups"), cameras: this.#ticked("#token-cameras"),
    };
  }

  #check() {
    const { name, which, groups, cameras } = this.#wanted;
    find(this.#root, "#token-groups").hidden = which !== "group";
    find(this.#root, "#token-cameras").hidden = which !== "some";
    const few = (which === "group" && !groups.length) || (which === "some" && !cameras.length);
    find(this.#root, "#token-make").disabled = !name.trim() || few; // none would mean all
  }

  async #make() {
    const said = find(this.#root, "#token-why");
    const button = find(this.#root, "#token-make");
    if (button.disabled) return;
    button.disabled = true;
    say(said, "");
    try {
      const { name, secret } = await api.makeToken(tokenOf(this.#wanted, Date.now()));
      this.#form.reset();
      say(find(this.#root, "#token-once"), this.#texts.get("token_once", { name }));
      find(this.#root, "#token-secret").value = secret;
      say(find(this.#root, "#token-copied"), "");
      const made = find(this.#root, "#token-made");
      made.hidden = false;
      made.scrollIntoView({ block: "nearest" });
      find(this.#root, "#token-copy").focus();
      await this.#fetch();
    } catch (error) {
      say(said, this.#texts.get("token_not_made", { why: this.#texts.why(error) }));
    } finally {
      this.#check();
    }
  }

  async #copy() {
    const copied = await copyField(find(this.#root, "#token-secret"));
    say(find(this.#root, "#token-copied"), this.#texts.get(copied ? "copied" : "copy_by_hand"));
  }
}

/** @param {string} value @param {string} text @param {boolean} ticked */
function tick(value, text, ticked) {
  const label = document.createElement("label");
  const box = document.createElement("input");
  box.type = "checkbox";
  box.value = value;
  box.checked = ticked;
  const name = document.createElement("span");
  say(name, text);
  label.append(box, name);
  return label;
}
