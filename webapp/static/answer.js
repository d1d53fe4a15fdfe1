// The answer page: the clip, the tracks that fit it, and all that is done with them.

import { legend } from "./arcs.js";
import { at, get, on, post, remove } from "./api.js";
import { fit, sound } from "./controls.js";
import { button, fill, h } from "./dom.js";
import { exportDialog } from "./export.js";
import { filters, summary } from "./filters.js";
import { count, far, libraryName } from "./format.js";
import { listen, meant, showKeys } from "./keys.js";
import { List } from "./list.js";
import { filmed, lost, ready } from "./opening.js";
import { Player } from "./player.js";
import { Previews } from "./previews.js";
import { Strip, measures, reading } from "./reading.js";
import { reference } from "./reference.js";
import { State, filmAddress } from "./state.js";
import { taste } from "./taste.js";
import { hush, say, telling, warn } from "./told.js";

const PAUSE_MS = 250;
const TITLE = "Music for a clip";

export async function show(root, params) {
  const state = new State(params);
  if (!state.clip) return lost(root, TITLE, "The address names no clip.");
  const [status, { libraries }, { clips }] = await Promise.all([get("/api/status"), get("/api/libraries"), get("/api/clips")]);
  if (!state.library) {
    const first = libraries.find((one) => one.music && !one.error);
    if (!first) return lost(root, TITLE, "There is no library with music yet.");
    state.set({ library: first.id });
  }
  const clip = await ready(root, clips.find((one) => one.id === state.clip));
  if (!clip) return lost(root, TITLE, "This clip is not open here any more. Drop the same file on the first page, and this address works again.");
  document.title = `Music for ${clip.name} \u00b7 cliptune`;
  return new Page(root, { state, status, libraries, clips, clip }).close;
}

const capital = (text) => (text ? text[0].toUpperCase() + text.slice(1) : "");

class Page {
  #picks = [];
  #asked = null;
  #exports = location.hash === "#export"; // a link of the list of picks
  #timer = 0;
  #turn = 0;
  #failed = false; // the last list that was asked for
  #line = h("p", { class: "busy", role: "status" });
  #remarks = h("div", { class: "remarks" });
  #heading = h("h2", { id: "tracks" }, "Tracks");

  constructor(root, { state, status, libraries, clips, clip }) {
    Object.assign(this, { state, status, clip });
    this.strip = new Strip(clip, (seconds) => this.player.seek(seconds));
    this.player = new Player(clip, (seconds) => { this.strip.playhead(seconds); this.list.selected?.playhead(seconds); }, (on) => this.list.selected?.plays(on));
    this.previews = new Previews(state, (line) => this.player.say(line));
    this.list = new List(state, {
      select: (card) => this.select(card), hear: (card) => this.play(card),
      pick: (card) => this.pick(card, true), exportIt: (card) => this.exportIt(card), moved: (card, settled) => this.moved(card, settled),
    });
    this.groups = [fit(state, clip), sound(state, status.levels), reference(state), filters(state, status)];
    this.told = h("div", { class: "reading" });
    this.taste = taste(state);
    fill(root, this.#layout(libraries, clips));
    state.addEventListener("query", () => this.ask());
    state.addEventListener("sound", () => { for (const card of this.list.cards) card.lay(null); this.hear(); });
    for (const change of ["query", "sound"]) state.addEventListener(change, () => this.groups.forEach((one) => one.update()));
    const stops = [on("changed", ({ what }) => { if (this.list.answer && (what === "picks" || what === null)) this.#loadPicks(); }), on("job", (job) => this.#follow(job)), listen(this.#keys())];
    this.close = () => stops.forEach((stop) => stop());
    this.filmed = filmed(clip, this.player, stops);
    this.ask(0);
  }

  #layout(libraries, clips) {
    const { clip, state } = this;
    const usable = libraries.filter((one) => !one.error);
    const library = h("select", { name: "library", on: { change: (event) => state.set({ library: event.target.value }) } }, usable.map((one) => h("option", { value: one.id, selected: one.id === state.library }, `${libraryName(one)} (${count(one.music, "track")})`)));
    const here = clips.findIndex((one) => one.id === clip.id);
    const next = clips[here + 1];
    return [
      h("div", { class: "title" }, h("h1", {}, "Music for \u201c", clip.name, "\u201d"), !clip.still && h("p", {}, h("a", { href: filmAddress(clip, state) }, "Score it as a film")), clips.length > 1 && h("p", { class: "soft" }, `clip ${here + 1} of ${clips.length} `, next && h("a", { href: this.#addressOf(next) }, `next: ${next.name}`))),
      h("div", { class: "answer" },
        h("section", { class: "side", "aria-label": "Clip and settings" }, this.player.element, this.strip.element, h("p", { class: "soft measures" }, measures(clip)), this.told, h("div", { class: "groups" }, this.groups.map((one) => one.element))),
        h("section", { class: "found", "aria-labelledby": "tracks" },
          h("div", { class: "found-head" }, this.#heading, h("label", { class: "from" }, "from ", library), this.#line, button("Keys ?", () => showKeys(), { class: "quiet", "aria-label": "Show the keys" })),
          summary(state, this.status), this.taste.element, this.#remarks, this.list.element)),
    ];
  }

  /** The next clip with the same settings, but for what is about this clip's tracks. */
  #addressOf(clip) {
    const { track: _track, in: _in, moved: _moved, ...rest } = this.state.record();
    return `/answer?${new URLSearchParams(Object.entries({ ...rest, clip: clip.id }).flatMap(([name, value]) => [value].flat().map((one) => [name, one])))}`;
  }

  // ---- the list

  /** Ask for the list after a pause; what was asked before is given up, what is shown stays until the new one is here. */
  ask(pause = PAUSE_MS) {
    clearTimeout(this.#timer);
    this.#asked?.abort();
    this.list.element.setAttribute("aria-busy", "true");
    fill(this.#line, this.list.answer ? "Updating\u2026" : "Looking for music\u2026");
    this.#timer = setTimeout(() => this.#load(), pause);
  }

  async #load() {
    const asked = (this.#asked = new AbortController());
    try {
      const answer = await get("/api/answers", this.state.query(), { signal: asked.signal });
      if (asked.signal.aborted) return;
      if (this.#failed) hush();
      this.#failed = false;
      this.#show(answer);
    } catch (error) {
      if (asked.signal.aborted) return;
      this.#failed = true;
      warn(error);
      fill(this.#line, this.list.answer ? "The list is as it was before." : "There is no list.");
      this.list.element.removeAttribute("aria-busy");
    }
  }

  #show(answer) {
    const { missing } = this.list.show(answer);
    const number = answer.recommendations.length;
    fill(this.#heading, number ? `${count(number, "track")}, best first` : "No track");
    fill(this.#line);
    if (missing) say("The track that was selected is not in this list: the best one is.");
    const spoken = answer.query.speech?.length > 0;
    fill(this.#remarks, answer.remarks.map((line) => h("p", { class: "remark" }, line)), number > 0 && legend(spoken));
    this.taste.show(answer.taste);
    fill(this.told, reading(answer.query));
    this.strip.spoken(answer.query.speech ?? []);
    this.list.element.removeAttribute("aria-busy");
    this.groups.at(-1).offer(answer.recommendations);
    this.#loadPicks();
    if (number) this.hear(); else this.player.music(null);
    if (this.#exports) this.exportIt(this.list.selected);
    this.#exports = false;
  }

  #follow(job) {
    if (job.kind === "answer" && job.state === "running" && job.about.clip === this.clip.id && this.list.element.hasAttribute("aria-busy")) {
      fill(this.#line, `${capital(job.verb) || "Looking for music"}${far(job)}`);
    }
  }

  // ---- hearing

  select(card, { focus = false } = {}) {
    if (card !== this.list.selected) {
      this.list.select(card);
      this.hear(true);
    }
    if (focus) {
      card.article.focus({ preventScroll: true });
      card.article.scrollIntoView({ block: "nearest" });
    }
  }

  play(card) {
    const before = this.list.selected;
    this.select(card);
    if (card === before) this.player.toggle(); else this.player.play();
  }

  moved(card, settled) {
    if (settled) this.state.move(card.track.track, card.at === card.track.in_s ? null : card.at);
    if (card !== this.list.selected) this.list.select(card);
    this.#mark();
    if (settled) this.hear();
  }

  /** Have the selected track under the picture, then make the next one ready. */
  async hear(at_once = false) {
    const card = this.list.selected;
    if (!card) return;
    const turn = (this.#turn += 1);
    if (!this.previews.known(card)) { this.player.music(null); this.player.say("Mixing the music under the picture\u2026"); }
    try {
      await this.filmed;
      const found = await this.previews.want(card, { at_once });
      if (turn !== this.#turn) return;
      card.lay(found);
      this.player.music({ film: found.film, title: card.track.title });
      card.playhead(this.player.video.currentTime);
      const next = this.list.beside(1);
      if (next) this.previews.prepare(next);
    } catch (error) {
      if (turn !== this.#turn) return;
      this.player.say("No preview of this track.");
      card.say([error.message]);
      if (error.status === 0 || error.status >= 500) warn(error);
    }
  }

  // ---- picking and exporting

  /** Pick a section as it is shown; with `undo` a picked one is given up. */
  async pick(card, undo = false) {
    const before = this.#pickOf(card);
    if (before) return undo ? this.#unpick(before) : say(`${card.track.title} is picked already.`, ["Undo", () => this.#unpick(before)]);
    const { clip, library, track } = card.of;
    const settings = { ...this.state.record(), track: String(track), in: String(card.at) };
    return telling(async () => {
      const made = await post(at("api", "libraries", library, "picks"), { clip, track, in_s: card.at, out_s: card.end, score: card.track.score, settings });
      this.#picks.unshift(made);
      this.#mark();
      say(`Picked ${card.track.rank}: ${card.track.title}, ${card.use}.`, ["Undo", () => this.#unpick(made)]);
    })();
  }

  #unpick(made) {
    return telling(async () => {
      await remove(at("api", "libraries", this.list.answer.library, "picks", made.id));
      this.#picks = this.#picks.filter((one) => one.id !== made.id);
      this.#mark();
      say(`${made.track.title} is no longer picked.`);
    })();
  }

  #pickOf(card) {
    return this.#picks.find((one) => one.clip.id === this.clip.id && one.track.id === card.track.track && Math.abs(one.in_s - card.at) < 0.005);
  }

  #mark() { for (const card of this.list.cards) card.picked(Boolean(this.#pickOf(card))); }

  #loadPicks() {
    return telling(async () => {
      this.#picks = (await get(at("api", "libraries", this.list.answer.library, "picks"))).picks;
      this.#mark();
    })();
  }

  exportIt(card) {
    if (card) exportDialog(this.status, { state: this.state, card, others: this.list.cards.filter((one) => one !== card) });
  }

  #keys() {
    const acts = this.#acts();
    return (event) => meant(event, acts);
  }

  #acts() {
    const ranked = (rank) => this.list.cards[rank - 1];
    return {
      toggle: () => this.player.toggle(),
      next: (step) => { const card = this.list.beside(step); if (card) this.select(card, { focus: true }); },
      pick: (rank) => { if (ranked(rank)) this.pick(ranked(rank)); else say(`There is no track ${rank}.`); },
      move: (event) => { const card = this.list.selected; if (card) { card.wave.focus(); card.wave.key(event); } },
      fit: () => { const fitted = this.state.get("fit") !== null; this.state.set(fitted ? { fit: null, ending: null, hit: null } : { fit: "clip" }); say(fitted ? "The music plays as it is." : "The music is cut to the clip\u2019s length."); },
      compare: () => this.player.compare(),
      exportIt: () => this.exportIt(this.list.selected),
    };
  }
}
