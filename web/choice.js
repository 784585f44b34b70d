/** Asked for on the stage: more than cameras give, so that theirs counts. */
const STAGE_FPS = 30;
/** A choice made here is shown for so long before the room has confirmed it, ms. */
const CONFIRM_MS = 1000;

/**
 * Which camera the stage shows: what the room shows, or the user's own choice. Events: "camera" when another one is to be shown,
 * "held" with the camera whose alarm holds the room against a click.
 */
export class Choice extends EventTarget {
  #engine;
  #stream;
  #room;
  #holder;
  #following = true;
  #own = "";
  #roomCamera = "";
  #camera = "";
  #confirm = 0;
  #staged = false;

  /** A click switches the room for everyone in it; otherwise it ends the following. */
  drives = true;

  /**
   * @param {import("./engine.js").Engine} engine
   * @param {number} stream the stage's
   * @param {string} room
   * @param {() => string} holder the camera whose alarm holds the room, "" for none
   */
  constructor(engine, stream, room, holder) {
    super();
    this.#engine = engine;
    this.#stream = stream;
    this.#room = room;
    this.#holder = holder;
  }

  /** The camera to be shown, "" for none. */
  get camera() {
    return this.#camera;
  }

  get following() {
    return this.#following;
  }

  /** What the page shows now. @param {boolean} staged there is a stage @param {boolean} following @param {string} [own] where it does not follow; the one before where none is named */
  show(staged, following, own = this.#own) {
    const changed = following !== this.#following || own !== this.#own || staged !== this.#staged;
    if (following !== this.#following) this.#forget(); // who looks elsewhere waits for no answer
    [this.#staged, this.#following, this.#own] = [staged, following, own];
    if (changed) this.ask();
    this.#turn(!following ? own : this.#confirm ? this.#camera : this.#roomCamera);
  }

  /** Tells the server what the stage shows; again where it did not know the camera before. */
  ask() {
    const fallback = () => this.#engine.unwatch(this.#stream);
    if (!this.#staged) fallback(); // nobody sees it
    else if (this.#following) this.#engine.follow(this.#stream, this.#room, "auto", STAGE_FPS, this.#roomCamera);
    else if (this.#own) this.#engine.watch(this.#stream, this.#own, "auto", STAGE_FPS);
    else fallback();
  }

  /**
   * A click or a key chose a camera while the page follows the room and drives it.
   * @param {string} camera @param {Event} event
   * @param {boolean} again also where the camera is shown already: a patrol is held at it
   * @returns {boolean} false where an alarm holds the room
   */
  drive(camera, event, again) {
    const holder = this.#holder();
    if (holder && holder !== camera) {
      this.dispatchEvent(new CustomEvent("held", { detail: holder }));
      return false;
    }
    if (camera === this.#camera && !again) return true;
    clearTimeout(this.#confirm);
    this.#confirm = setTimeout(() => this.settle(), CONFIRM_MS);
    this.#engine.clicked(this.#stream, camera, event);
    this.#engine.select(this.#room, camera);
    this.#turn(camera);
    return true;
  }

  /** @param {string} camera @param {boolean} held by an alarm, which outranks every click */
  roomShows(camera, held) {
    this.#roomCamera = camera;
    // Between a click and the room's answer to it, answers to earlier clicks would only make the name flicker.
    if (this.#confirm && !held && camera !== this.#camera) return;
    this.settle();
  }

  /** The room decides again. */
  settle() {
    this.#forget();
    if (!this.#following) return;
    if (this.#staged) this.#engine.settled(this.#stream);
    this.#turn(this.#roomCamera);
  }

  #forget() {
    clearTimeout(this.#confirm);
    this.#confirm = 0;
  }

  /** @param {string} camera */
  #turn(camera) {
    if (camera === this.#camera) return;
    this.#camera = camera;
    this.dispatchEvent(new CustomEvent("camera"));
  }
}
