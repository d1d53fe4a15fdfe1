// What somebody changed of a film's score. It is the fragment of the address: a link shows the same, back takes a change back.

const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const GESTURE_MS = 2000; // moves of one scene's music that follow each other so fast are one change
export const MOST_SCENES = 200;

/** Tells `change` of every change, by hand or by going back. */
export class Edits extends EventTarget {
  #steps = 0; // changes of this page that going back takes back
  #gesture = {}; // {n, when}: the scene whose music was moved last, where nothing was changed since

  constructor() {
    super();
    this.#read();
    window.addEventListener("popstate", () => { this.#steps = Math.max(0, this.#steps - 1); this.#gesture = {}; this.#read(); this.dispatchEvent(new Event("change")); });
  }

  get any() { return location.hash.length > 1; }
  get canUndo() { return this.#steps > 0; }
  undo() { if (this.canUndo) history.back(); }

  // ---- one scene; `n` is its number

  label(n, text) { this.#with(this.labels, n, text.trim().slice(0, 80)); }
  silence(n, on) { this.#with(this.silent, n, on, () => { this.locks.delete(n); this.begins.delete(n); this.themes.delete(n); }); }
  /** A track for a scene; scenes of its theme follow it. Null gives it up, and where it begins. */
  lock(n, track) {
    this.begins.delete(n);
    this.#with(this.locks, n, track, () => this.#keep(n, track));
  }

  /** Where the track of a scene begins, in seconds of it; the scene keeps that track. Null lets the score say where. */
  begin(n, track, at) {
    const onward = this.#gesture.n === n && Date.now() - this.#gesture.when < GESTURE_MS;
    if (at === null) this.begins.delete(n); else this.begins.set(n, { track, at: Number(at.toFixed(4)) });
    this.#keep(n, track);
    this.locks.set(n, track);
    if (onward) this.#written(); else this.#push();
    this.#gesture = { n, when: Date.now() };
  }

  /** A scene has a track: it is not silent, and no other of its theme has another one. */
  #keep(n, track) {
    this.silent.delete(n);
    for (const [other, letter] of this.themes) {
      if (other === n || letter !== this.themes.get(n)) continue;
      this.locks.delete(other);
      if (this.begins.get(other)?.track !== track) this.begins.delete(other);
    }
  }

  theme(n, letter) { this.#with(this.themes, n, letter, () => this.silent.delete(n)); }

  /** Letters that may be chosen: those that are used and the next one. */
  get letters() { return [...LETTERS.slice(0, new Set(this.themes.values()).size + 1)]; }

  /** How many scenes have a theme. */
  sharing(letter) { return [...this.themes.values()].filter((one) => one === letter).length; }

  // ---- borders; `scenes` are those that are shown

  move(scenes, n, at) { this.#borders(scenes, (starts) => starts.with(n - 1, at)); }

  split(scenes, n, at) {
    this.#borders(scenes, (starts) => starts.toSpliced(n, 0, at), (k) => (k > n ? k + 1 : k));
    if (this.silent.has(n)) this.silent.set(n + 1, true);
    this.#write();
  }

  /** A scene and the next one as one: it keeps what was set of the first. */
  merge(scenes, n) {
    const name = this.labels.get(n) ?? this.labels.get(n + 1);
    this.#borders(scenes, (starts) => starts.toSpliced(n, 1), (k) => (k === n + 1 ? null : k > n ? k - 1 : k));
    if (name) this.labels.set(n, name);
    this.#write();
  }

  /** So many scenes: what was set of them goes, for they are others. */
  recut(count) {
    this.#clear();
    this.count = Math.min(MOST_SCENES, Math.max(1, count));
    this.#push();
  }

  /** All that a table of scenes says, in the place of what was set: names as the server has them. */
  take({ starts, labels, silence, locks, begins }) {
    this.#clear();
    this.starts = starts;
    this.labels = new Map(labels.map((one) => [one.scene, one.label]));
    this.silent = new Map(silence.map((n) => [n, true]));
    this.locks = new Map(locks.map((one) => [one.scene, one.track]));
    this.begins = new Map(begins.map((one) => [one.scene, { track: one.track, at: one.in_s }]));
    this.#push();
  }

  reset() {
    this.#clear();
    this.#push();
  }

  /** As the server takes it. */
  body() {
    const pairs = (map, name) => [...map].map(([scene, value]) => ({ scene, [name]: value }));
    const shared = [...LETTERS].map((letter) => [...this.themes].filter(([, one]) => one === letter).map(([n]) => n)).filter((theme) => theme.length > 1);
    return {
      ...(this.starts ? { starts: this.starts } : this.count ? { count: this.count } : {}),
      labels: pairs(this.labels, "label"), silence: [...this.silent.keys()], themes: shared, locks: pairs(this.locks, "track"),
      begins: [...this.begins].map(([scene, { track, at }]) => ({ scene, track, in_s: at })),
    };
  }

  // ---- the address

  #clear() { Object.assign(this, { count: null, starts: null, labels: new Map(), silent: new Map(), themes: new Map(), locks: new Map(), begins: new Map() }); }

  #read() {
    this.#clear();
    const told = new URLSearchParams(location.hash.slice(1));
    const pairs = (name) => told.getAll(name).map((one) => one.match(/^(\d{1,3}):(.+)$/s)).filter(Boolean).map(([, n, value]) => [Number(n), value]);
    const numbers = (name) => (told.get(name) ?? "").split(",").map(Number).filter((one) => one > 0);
    this.count = numbers("scenes")[0] ?? null;
    if (told.has("starts")) this.starts = numbers("starts");
    this.labels = new Map(pairs("label"));
    this.silent = new Map(numbers("silence").map((n) => [n, true]));
    this.themes = new Map(pairs("theme").filter(([, letter]) => LETTERS.includes(letter)));
    this.locks = new Map(pairs("lock").map(([n, track]) => [n, Number(track)]).filter(([, track]) => track > 0));
    this.begins = new Map(pairs("begin").map(([n, value]) => [n, value.split("@").map(Number)]).filter(([, [track, at]]) => track > 0 && at >= 0).map(([n, [track, at]]) => [n, { track, at }]));
  }

  #with(map, n, value, also = () => {}) {
    if (value) { also(); map.set(n, value); } else map.delete(n);
    this.#letter();
    this.#push();
  }

  /** Themes as the server names them: those of several scenes first. */
  #letter() {
    const used = [...new Set(this.themes.values())].sort((a, b) => (this.sharing(b) > 1) - (this.sharing(a) > 1) || a.localeCompare(b));
    this.themes = new Map([...this.themes].map(([n, letter]) => [n, LETTERS[used.indexOf(letter)]]));
  }

  #borders(scenes, change, renumber = (k) => k) {
    this.starts = change(scenes.map((one) => one.start_s)).slice(1);
    this.count = null;
    for (const name of ["labels", "silent", "themes", "locks", "begins"]) {
      this[name] = new Map([...this[name]].map(([k, value]) => [renumber(k), value]).filter(([k]) => k !== null));
    }
    this.#letter();
    this.#push();
  }

  #address() {
    const told = new URLSearchParams();
    if (this.starts) told.set("starts", this.starts.map((at) => Number(at.toFixed(6))).join(","));
    else if (this.count) told.set("scenes", this.count);
    if (this.silent.size) told.set("silence", [...this.silent.keys()].join(","));
    for (const [name, map] of [["label", this.labels], ["theme", this.themes], ["lock", this.locks], ["begin", new Map([...this.begins].map(([n, { track, at }]) => [n, `${track}@${at}`]))]]) {
      for (const [n, value] of map) told.append(name, `${n}:${value}`);
    }
    return `${location.pathname}${location.search}${String(told) && `#${told}`.replaceAll("%2C", ",").replaceAll("%3A", ":").replaceAll("%40", "@")}`;
  }

  #push() {
    this.#steps += 1;
    this.#gesture = {};
    history.pushState(null, "", this.#address());
    this.#changed();
  }

  #written() {
    this.#write();
    this.#changed();
  }

  #changed() {
    queueMicrotask(() => this.dispatchEvent(new Event("change")));
  }

  #write() { history.replaceState(null, "", this.#address()); }
}
