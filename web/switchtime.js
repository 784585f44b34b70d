import { find, say } from "./dom.js";
import { Spread } from "./spread.js";

/** How long switches take: the last one's figures on output#switch-time, and the session's. */
export class SwitchTime {
  #output;
  #usual;
  #texts;
  #seq = 0;
  #live = false;
  #first = new Spread();
  #present = new Spread();

  /** @param {ParentNode} root @param {import("./i18n.js").Texts} texts */
  constructor(root, texts) {
    this.#output = find(root, "#switch-time");
    this.#usual = find(root, "#figure-usual");
    this.#texts = texts;
    this.#usual.title = texts.get("usual");
  }

  /** @param {{seq: number} & import("./switch.js").Took} took told twice where the first picture was taken before the click */
  took({ seq, ms, liveMs }) {
    if (seq !== this.#seq) {
      this.#first.add(ms);
      this.#live = false;
    }
    if (liveMs !== null && !this.#live) {
      this.#present.add(liveMs);
      this.#live = true;
    }
    this.#seq = seq;
    this.#write("ms", ms);
    this.#write("liveMs", liveMs);
    this.#write("medianMs", this.#first.at(0.5));
    this.#write("p95Ms", this.#first.at(0.95));
    this.#write("liveMedianMs", this.#present.at(0.5));
    this.#write("liveP95Ms", this.#present.at(0.95));
    this.#output.dataset.seq = String(seq); // last: who sees it sees the rest
    say(this.#output, this.#texts.duration(ms));
    const both = [0.5, 0.95].map((share) => Math.round(this.#first.at(share) ?? 0)).join(" / ");
    say(this.#usual, both);
  }

  /** @param {string} name @param {number|null} ms */
  #write(name, ms) {
    if (ms === null) delete this.#output.dataset[name];
    else this.#output.dataset[name] = String(Math.round(ms));
  }
}
