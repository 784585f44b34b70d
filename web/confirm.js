import { closable } from "./dialogs.js";
import { copy, find, say } from "./dom.js";

/**
 * Asks before something is done that others notice. Enter confirms, Escape cancels, and the focus goes back to where it
 * was: that is what the browser's own dialog does. One question at a time: a second one answers the first with no.
 */
export class Confirm {
  #dialog = /** @type {HTMLDialogElement} */ (copy("confirm"));
  /** @type {((meant: boolean) => void)|null} */ #answer = null;

  /** @param {Document} page */
  constructor(page) {
    page.body.append(this.#dialog);
    find(this.#dialog, "[data-action=cancel]").addEventListener("click", () => this.#close(false));
    find(this.#dialog, "[data-action=confirm]").addEventListener("click", () => this.#close(true));
    this.#dialog.addEventListener("close", () => {
      if (!this.#dialog.open) this.#settle(false); // the event comes late: the next question may be there already
    });
    this.#dialog.addEventListener("keydown", (event) => event.stopPropagation()); // the page's keys rest meanwhile
    closable(this.#dialog);
  }

  /**
   * @param {object} question
   * @param {string} question.title
   * @param {string} question.text what will happen
   * @param {string} question.confirm what the button says that confirms
   * @param {boolean} [question.grave] in the colour of warnings
   * @returns {Promise<boolean>} whether it is meant
   */
  ask({ title, text, confirm, grave = false }) {
    if (this.#answer) this.#close(false);
    say(find(this.#dialog, "#confirm-title"), title);
    say(find(this.#dialog, "#confirm-text"), text);
    const button = find(this.#dialog, "[data-action=confirm]");
    say(button, confirm);
    button.toggleAttribute("data-grave", grave);
    this.#dialog.showModal();
    button.focus();
    return new Promise((resolve) => (this.#answer = resolve));
  }

  /** @param {boolean} meant */
  #close(meant) {
    this.#settle(meant);
    this.#dialog.close();
  }

  /** @param {boolean} meant */
  #settle(meant) {
    const answer = this.#answer;
    this.#answer = null;
    answer?.(meant);
  }
}
