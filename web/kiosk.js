/** Nothing but pictures, on a screen that stays awake. */
export class Kiosk {
  #on = false;
  #fixed;
  /** @type {WakeLockSentinel|null} */ #awake = null;

  /** @param {boolean} wanted by the address bar: then Escape does not end it */
  constructor(wanted) {
    this.#fixed = wanted;
    document.addEventListener("visibilitychange", () => this.#stay()); // a browser ends the wake lock of a hidden page
    if (wanted) this.set(true);
  }

  get on() {
    return this.#on;
  }

  /** @param {boolean} on */
  set(on) {
    this.#on = on;
    document.body.toggleAttribute("data-kiosk", on);
    void this.#stay();
  }

  /** Ends it where the user began it. @returns {boolean} whether it did */
  leave() {
    if (!this.#on || this.#fixed) return false;
    this.set(false);
    return true;
  }

  async #stay() {
    if (!this.#on || document.visibilityState !== "visible") {
      await this.#awake?.release();
      this.#awake = null;
      return;
    }
    try {
      this.#awake ??= await navigator.wakeLock.request("screen");
      this.#awake.addEventListener("release", () => (this.#awake = null), { once: true });
    } catch {
      // not everywhere allowed: then the system's own settings decide
    }
  }
}
