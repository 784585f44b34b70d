import { BINDINGS } from "./keys.js";
import { find, say } from "./dom.js";

/** Closes a dialog by its own button and by a click beside it. @param {HTMLDialogElement} dialog */
export function closable(dialog) {
  let beside = false; // the press began there: who selects text may let go beside the dialog
  dialog.addEventListener("pointerdown", (event) => (beside = outside(dialog, event)));
  dialog.addEventListener("click", (event) => {
    if (beside && outside(dialog, event)) dialog.close();
    beside = false;
  });
  for (const button of dialog.querySelectorAll("[data-action=close]")) button.addEventListener("click", () => dialog.close());
}

/** @param {HTMLDialogElement} dialog @param {MouseEvent} event */
function outside(dialog, { target, clientX, clientY }) {
  const { left, right, top, bottom } = dialog.getBoundingClientRect();
  return target === dialog && (clientX < left || clientX > right || clientY < top || clientY > bottom);
}

/** The sheet of all keys. @param {HTMLDialogElement} dialog @param {import("./i18n.js").Texts} texts */
export function buildHelp(dialog, texts) {
  closable(dialog);
  const sections = Object.entries(BINDINGS).map(([heading, bindings]) => {
    const section = document.createElement("section");
    const title = document.createElement("h3");
    say(title, texts.get(/** @type {import("./i18n.js").Key} */ (heading)));
    const list = document.createElement("dl");
    for (const binding of bindings) {
      const term = document.createElement("dt");
      const key = document.createElement("kbd");
      say(key, binding.shown ?? binding.keys.map((name) => name.toUpperCase()).join(" "));
      term.append(key);
      const meaning = document.createElement("dd");
      say(meaning, texts.get(binding.text));
      if (binding.needs) term.dataset.needs = meaning.dataset.needs = binding.needs;
      list.append(term, meaning);
    }
    section.append(title, list);
    return section;
  });
  find(dialog, ".keys").replaceChildren(...sections);
}

/**
 * The user's own wishes. A change of the language loads the page again, which shows the same view.
 * @param {HTMLDialogElement} dialog @param {import("./settings.js").Settings} settings
 */
export function buildSettings(dialog, settings) {
  closable(dialog);
  for (const select of dialog.querySelectorAll("select")) {
    const key = /** @type {"lang"|"theme"|"fit"} */ (select.name);
    select.value = settings.get(key);
    select.addEventListener("change", () => settings.set(key, /** @type {any} */ (select.value)));
    settings.addEventListener("change", () => (select.value = settings.get(key)));
  }
  const keys = /** @type {HTMLInputElement} */ (find(dialog, "[name=keys]"));
  keys.checked = settings.get("keys");
  keys.addEventListener("change", () => settings.set("keys", keys.checked));
  const order = /** @type {HTMLButtonElement} */ (find(dialog, "[data-action=order]"));
  const known = () => (order.disabled = settings.get("order").length === 0);
  order.addEventListener("click", () => settings.set("order", []));
  settings.addEventListener("change", known);
  known();
}
