import { AuditLog } from "./auditlog.js";
import { closable } from "./dialogs.js";
import { find } from "./dom.js";
import { TabList } from "./tablist.js";
import { Tokens } from "./tokens.js";

const TABS = /** @type {const} */ (["tokens", "audit"]);

/** @typedef {typeof TABS[number]} Tab */

/** The admin's dialog: the tokens of programs, and the record of who has done what. */
export class Access {
  #dialog;
  #parts;
  #tabs;
  /** @type {Tab} */ #tab = "tokens";

  /**
   * @param {HTMLDialogElement} dialog
   * @param {import("./cameras.js").Cameras} cameras
   * @param {import("./i18n.js").Texts} texts
   * @param {import("./confirm.js").Confirm} confirm
   */
  constructor(dialog, cameras, texts, confirm) {
    this.#dialog = dialog;
    this.#parts = {
      tokens: new Tokens(find(dialog, "#panel-tokens"), cameras, texts, confirm),
      audit: new AuditLog(find(dialog, "#panel-audit"), cameras, texts),
    };
    closable(dialog);
    this.#tabs = new TabList(dialog, TABS, (tab) => this.#select(/** @type {Tab} */ (tab)));
    dialog.addEventListener("keydown", (event) => event.stopPropagation()); // the page's keys rest meanwhile
    dialog.addEventListener("close", () => TABS.forEach((tab) => this.#parts[tab].hide()));
  }

  open() {
    if (this.#dialog.open) return;
    this.#dialog.showModal();
    this.#select(this.#tab);
    this.#tabs.focus(this.#tab);
  }

  /** @param {Tab} tab */
  #select(tab) {
    this.#tab = tab;
    this.#tabs.select(tab);
    this.#parts[tab].show();
  }
}
