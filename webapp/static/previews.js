// Films of the clip with a track under it: asked for when needed, the next one beforehand, each once.

import { get, on } from "./api.js";
import { far } from "./format.js";

const SETTLE_MS = 350;

export class Previews {
  #known = new Map(); // what was asked -> what came
  #wanted = null; // {key, controller}
  #timer = 0;

  /** `state`: of the page. `told(line)` hears how far the wanted one is. */
  constructor(state, told) {
    this.state = state;
    on("job", (job) => {
      if (job.kind === "preview" && job.state === "running" && this.#wanted?.track === job.about.track) {
        told(`Mixing the music under the picture${far(job)}`);
      }
    });
  }

  /** What a preview of a card is asked by. */
  asked(card) {
    return { ...card.of, in: card.at, ...this.state.sound() };
  }

  known(card) { return this.#known.get(key(this.asked(card))); }

  /** The preview of a card; after a pause, as sections are dragged. The last one that was wanted ends what came before. */
  async want(card, { at_once = false } = {}) {
    clearTimeout(this.#timer);
    this.#wanted?.controller.abort();
    const found = this.known(card);
    if (found) return found;
    const wanted = { track: card.track.track, controller: new AbortController() };
    this.#wanted = wanted;
    if (!at_once) await new Promise((resolve) => { this.#timer = setTimeout(resolve, SETTLE_MS); wanted.controller.signal.addEventListener("abort", resolve); });
    wanted.controller.signal.throwIfAborted();
    return this.#ask(card, wanted.controller.signal);
  }

  /** Have a preview ready before it is wanted; what goes wrong is said when it is. */
  async prepare(card) {
    if (this.known(card)) return;
    const { controller } = (this.#wanted = { track: null, controller: new AbortController() });
    await this.#ask(card, controller.signal, { ahead: true }).catch(() => {});
  }

  async #ask(card, signal, ahead = {}) {
    const params = this.asked(card);
    const found = await get("/api/previews", { ...params, ...ahead }, { signal });
    this.#known.set(key(params), found);
    return found;
  }
}

const key = (params) => JSON.stringify(params);
