// The state of the answer page, which is its address: a reload, or the link in another tab, shows the same.

export const SOUND = ["fit", "ending", "hit", "recut", "speech_lu", "lufs", "peak", "fade_in", "fade_out", "mute_clip"];
const KEEPS_HASH = ["/film"]; // pages with something of their own behind the #
const PLACE = ["track", "in", "moved"];
const TOLD_AS = { number: Number, boolean: (text) => text === "true", text: String };
const KINDS = { speech_lu: "number", lufs: "number", peak: "number", fade_in: "number", fade_out: "number", hit: "number", mute_clip: "boolean", recut: "boolean" };

/** Tells `query` where the list may change, `sound` where previews do, `place` where a section was moved or chosen. */
export class State extends EventTarget {
  #params;
  #moved = new Map(); // track, as text -> in-point set by hand, in seconds

  constructor(params) {
    super();
    this.#params = new URLSearchParams(params);
    if (params.has("track") && params.has("in")) this.#move(params.get("track"), params.get("in"));
    for (const one of params.getAll("moved")) {
      const [track, at] = split(one);
      this.#move(track, at);
    }
  }

  get clip() { return this.#params.get("clip"); }
  get library() { return this.#params.get("library"); }
  get track() { return this.#params.get("track"); }
  get(name) { return this.#params.get(name); }
  all(name) { return this.#params.getAll(name); }

  /** Where a track begins by hand; undefined where nobody moved it. */
  begins(track) { return this.#moved.get(String(track)); }

  /** Choose a track. */
  select(track) {
    this.#params.set("track", track);
    this.#write();
  }

  /** Begin a track there, in seconds of it; null for where the answer has it. */
  move(track, at) {
    if (at === null) this.#moved.delete(String(track)); else this.#moved.set(String(track), Math.round(at * 100) / 100);
    this.#write();
    this.dispatchEvent(new CustomEvent("place", { detail: track }));
  }

  /** Set values by name; null or an empty list leaves one out. */
  set(values) {
    const before = String(this.#params);
    for (const [name, value] of Object.entries(values)) {
      this.#params.delete(name);
      for (const one of value === null ? [] : [value].flat()) this.#params.append(name, one);
    }
    if (String(this.#params) === before) return;
    this.#write();
    const sounds = Object.keys(values).every((name) => SOUND.includes(name));
    this.dispatchEvent(new CustomEvent(sounds ? "sound" : "query", { detail: Object.keys(values) }));
  }

  /** Take the address as it is after going back. */
  read() {
    if (location.search.slice(1) === String(this.#params)) return;
    this.#params = new URLSearchParams(location.search);
    for (const change of ["query", "sound"]) this.dispatchEvent(new CustomEvent(change, { detail: [] }));
  }

  /** What the list is asked for by: clip, library and all that is neither sound nor place. */
  query() {
    return [...this.#params].filter(([name]) => !SOUND.includes(name) && !PLACE.includes(name));
  }

  /** How a track is laid under the clip, by name, as JSON has it. */
  sound() {
    const found = SOUND.filter((name) => this.#params.has(name));
    return Object.fromEntries(found.map((name) => [name, TOLD_AS[KINDS[name] ?? "text"](this.#params.get(name))]));
  }

  /** The whole address after its `?` as an object; of a name that is there more than once, a list. */
  record() {
    const names = [...new Set(this.#params.keys())];
    return Object.fromEntries(names.map((name) => [name, this.all(name).length > 1 ? this.all(name) : this.get(name)]));
  }

  #move(track, at) {
    const seconds = Number(at);
    if (Number.isFinite(seconds) && seconds >= 0) this.#moved.set(track, seconds);
  }

  #write() {
    const params = this.#params;
    for (const name of ["in", "moved"]) params.delete(name);
    for (const [track, at] of this.#moved) {
      if (track === this.track) params.set("in", at); else params.append("moved", `${track}:${at}`);
    }
    history.replaceState(null, "", `${location.pathname}?${params}${KEEPS_HASH.includes(location.pathname) ? location.hash : ""}`);
  }
}

function split(text) {
  const colon = text.lastIndexOf(":");
  return [text.slice(0, colon), text.slice(colon + 1)];
}

/** The address of the answer page for such a record. */
export function addressOf(record) {
  const pairs = Object.entries(record).flatMap(([name, value]) => [value].flat().map((one) => [name, one]));
  return `/answer?${new URLSearchParams(pairs)}`;
}

/** The address of the page that scores a whole film, with music of the same library. */
export const filmAddress = (clip, { library }) => `/film?${new URLSearchParams({ clip: clip.id, library })}`;
