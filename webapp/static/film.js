// The page of a whole film: its scenes, the music of each, edited by hand, heard, taken home.

import { at, finished, get, post, remove } from "./api.js";
import { sound } from "./controls.js";
import { button, fill, h } from "./dom.js";
import { Edits } from "./edits.js";
import { extras, takeHome } from "./export.js";
import { Reel } from "./reel.js";
import { filters, summary } from "./filters.js";
import { count, libraryName, precise } from "./format.js";
import { JobRow } from "./jobs.js";
import { listen, showKeys } from "./keys.js";
import { filmed, lost, ready } from "./opening.js";
import { peaksOf } from "./peaks.js";
import { Player } from "./player.js";
import { measures } from "./reading.js";
import { SceneCard } from "./scene.js";
import { FPS } from "./section_wave.js";
import { State } from "./state.js";
import { taste } from "./taste.js";
import { hush, say, telling, warn } from "./told.js";

const PAUSE_MS = 250;
const BEFORE_S = 1; // what was moved is heard from so long before its scene
const TITLE = "Music for a whole film";
const KEYS = [
  ["space", "play the film with its music, or pause; new music is mixed first"],
  ["\u2191 \u2193", "the scene before, the next one; the film goes there"],
  [", .", "let the scene begin at the cut before, at the next cut"],
  ["s", "split the scene at the picture that is shown"],
  ["m", "merge the scene with the next one"],
  ["+ \u2212", "more scenes, fewer scenes"],
  ["\u2190 \u2192", "let its music begin a beat earlier, later in its track; with shift a frame"],
  ["i", "set the time at which its music begins in its track"],
  ["a", "choose another track for the scene"],
  ["l", "let the score choose its track again"],
  ["t", "let it share its track with other scenes"],
  ["x", "no music in the scene, or music again"],
  ["n", "give it a name"],
  ["z", "take the last change back"],
  ["e", "export"],
  ["?", "these keys"],
];

export async function show(root, params) {
  const state = new State(params);
  const looks = new Promise((done) => { document.head.append(h("link", { rel: "stylesheet", href: "/static/film.css", on: { load: done, error: done } })); });
  if (!state.clip) return lost(root, TITLE, "The address names no film.");
  const [status, { libraries }, { clips }] = await Promise.all([get("/api/status"), get("/api/libraries"), get("/api/clips"), looks]);
  const library = state.library ?? libraries.find((one) => one.music && !one.error)?.id;
  if (!library) return lost(root, TITLE, "There is no library with music yet.");
  state.set({ library });
  const clip = await ready(root, clips.find((one) => one.id === state.clip));
  if (!clip) return lost(root, TITLE, "This film is not open here any more. Drop the same file on the first page, and this address works again.");
  if (clip.still) return lost(root, TITLE, "A picture has no scenes: look for music for it as a clip.");
  document.title = `Music for the film ${clip.name} \u00b7 cliptune`;
  return new Page(root, { state, status, libraries, clip }).close;
}

class Page {
  #score = null; // what is shown
  #cards = [];
  #selected = null;
  #playing = null;
  #job = null; // of the score that was asked for last
  #mixing = null; // {key, job} of the music that is being mixed
  #heard = null; // {key, film}: what the player has
  #moved = null; // number of the scene whose music was moved, until it is heard
  #failed = false; // the score that was asked for last
  #timer = 0;
  #turn = 0;
  #list = h("ol", { class: "scenes", "aria-label": "Scenes of the film" });
  #heading = h("h2", { id: "scenes" }, "Scenes");
  #line = h("div", { class: "progress" });
  #mix = h("div", { class: "progress" });
  #remarks = h("div", { class: "remarks" });
  #old = h("p", { class: "remark" }, "The film has the music of before the last change.");
  #button = button("", () => this.play(), { class: "main hear" });
  #export = button("Export\u2026", () => this.exportIt());
  #links = h("p", { class: "links" });
  #file = h("input", { type: "file", accept: ".csv,.txt", hidden: true, on: { change: telling(() => this.#take()) } });
  #linked = null; // what the links are of
  #home = h("div", { class: "home-ward", hidden: true }, this.#old, h("div", { class: "acts" }, this.#button, this.#export), this.#links);

  constructor(root, { state, status, libraries, clip }) {
    Object.assign(this, { state, status, clip, edits: new Edits() });
    this.player = new Player(clip, (seconds) => this.#follow(seconds), () => { this.#now(); this.#fresh(); });
    this.reel = new Reel((scene) => this.select(this.#cards[scene.number - 1]));
    this.taste = taste(state);
    this.groups = [sound(state, status.levels, { film: true }), filters(state, status, { film: true })];
    fill(root, this.#layout(libraries));
    state.addEventListener("query", () => this.ask());
    state.addEventListener("sound", ({ detail }) => { if (detail.includes("recut")) this.ask(); else this.#fresh(); });
    for (const change of ["query", "sound"]) state.addEventListener(change, () => this.groups.forEach((one) => one.update()));
    this.edits.addEventListener("change", () => { state.read(); this.ask(); });
    const stops = [listen((event) => this.#meaning(event))];
    this.close = () => stops.forEach((stop) => stop());
    filmed(clip, this.player, stops);
    this.ask(0);
  }

  #layout(libraries) {
    const { clip, state } = this;
    const usable = libraries.filter((one) => !one.error);
    const library = h("select", { name: "library", on: { change: (event) => state.set({ library: event.target.value }) } }, usable.map((one) => h("option", { value: one.id, selected: one.id === state.library }, `${libraryName(one)} (${count(one.music, "track")})`)));
    const act = (text, told, step) => button(text, step, { class: "quiet", "aria-label": told });
    return [
      h("div", { class: "title" }, h("h1", {}, "Music for the film \u201c", clip.name, "\u201d"), h("p", {}, h("a", { href: `/answer?${new URLSearchParams({ clip: clip.id, library: state.library })}` }, "One track for all of it"))),
      h("div", { class: "answer film" },
        h("section", { class: "side", "aria-label": "Film and settings" }, this.player.element, this.reel.element, this.#mix, this.#home,
          h("p", { class: "soft measures" }, measures(clip)), h("div", { class: "groups" }, this.groups.map((one) => one.element))),
        h("section", { class: "found", "aria-labelledby": "scenes" },
          h("div", { class: "found-head" }, this.#heading, act("\u2212 Fewer", "Fewer scenes", () => this.#recut(-1)), act("+ More", "More scenes", () => this.#recut(1)), act("Reset", "Reset all changes", () => this.#reset()),
            h("label", { class: "from" }, "from ", library), button("Keys ?", () => showKeys(KEYS), { class: "quiet", "aria-label": "Show the keys" })),
          summary(state, this.status), this.taste.element, this.#line, this.#remarks, this.#list)),
    ];
  }

  // ---- the score

  /** Ask for the score after a pause; what was asked before is given up, what is shown stays until the new one is here. */
  ask(pause = PAUSE_MS) {
    clearTimeout(this.#timer);
    this.#list.setAttribute("aria-busy", "true");
    this.#timer = setTimeout(() => this.#load(), pause);
  }

  async #load() {
    const turn = (this.#turn += 1);
    if (this.#job) remove(at("api", "jobs", this.#job)).catch(() => {});
    this.#job = null;
    try {
      const { job } = await post("/api/scores", { clip: this.clip.id, library: this.state.library, ...this.#where(), ...this.edits.body(), recut: this.state.get("recut") === "true" });
      if (turn !== this.#turn) return;
      this.#job = job;
      const row = new JobRow(job, `the score of ${this.clip.name}`);
      fill(this.#line, row.element, !this.#score && h("p", { class: "soft small" }, "The film is read once; what you change of it then takes moments."));
      const score = await finished(job, (one) => row.see(one)).finally(() => row.close());
      if (turn !== this.#turn) return;
      if (this.#failed) hush(); // what else was said, such as the way back from a change, stays for its time
      this.#failed = false;
      fill(this.#line);
      this.#show(score);
    } catch (error) {
      if (turn !== this.#turn) return;
      this.#failed = true;
      if (error.status !== 499) warn(error);
      fill(this.#line, h("p", { class: "fault" }, error.status === 499 ? "Cancelled. " : `${error.message} `, button("Try again", () => this.ask(0), { class: "link" }), " ",
        this.edits.canUndo && button("Take the last change back", () => this.edits.undo(), { class: "link" })));
    }
    if (turn !== this.#turn) return;
    this.#job = null;
    this.#list.removeAttribute("aria-busy");
  }

  /** Filters and limits as JSON has them. */
  #where() {
    const { state } = this;
    const of = { switch: (name) => state.get(name) === "true", names: (name) => state.all(name), paths: (name) => state.all(name), range: (name) => state.get(name) };
    const set = this.status.filters.filter((one) => state.get(one.name)).map((one) => [one.name, of[one.kind](one.name)]);
    const [cap, ranker] = [state.get("per_artist"), state.get("ranker")];
    return { ...Object.fromEntries(set), ...(cap && { per_artist: Number(cap) }), ...(ranker && { ranker }), ...(state.get("taste") && { taste: of.switch("taste") }) };
  }

  #show(score) {
    const focused = document.activeElement?.dataset.key ?? (this.#list.contains(document.activeElement) ? "" : null);
    const before = this.#selected?.scene;
    this.#score = score;
    const { scenes, film } = score;
    const told = { scenes, cuts: film.cuts_s, edits: this.edits, fps: film.frames_per_s ?? FPS, library: score.library, acts: { select: (card) => this.select(card), split: (card) => this.#split(card), begin: (card, at) => this.#begin(card, at) } };
    this.#cards = scenes.map((scene) => new SceneCard(scene, told));
    fill(this.#list, this.#cards.map((card) => card.element));
    fill(this.#heading, count(scenes.length, "scene"));
    fill(this.#remarks, score.remarks.map((line) => h("p", { class: "remark" }, line)));
    this.taste.show(score.taste);
    this.reel.show(scenes, film.duration_s);
    this.groups.at(-1).offer(scenes.flatMap((one) => [one.music, ...one.alternatives]).filter(Boolean));
    this.#selected = this.#playing = null;
    this.#select(this.#again(before));
    if (focused) this.#list.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
    if (focused !== null && !this.#list.contains(document.activeElement)) this.#selected.article.focus({ preventScroll: true });
    this.#fresh();
    this.#follow(this.player.video.currentTime);
    this.#waves();
    if (this.#moved) this.#hearMoved();
  }

  /** The card of the scene that was selected: by its number where borders were set by hand, else the one that is at its place. */
  #again(before) {
    const at = before?.start_s ?? this.player.video.currentTime;
    const same = this.edits.starts && before ? this.#cards[Math.min(before.number, this.#cards.length) - 1] : null;
    return same ?? this.#cards.findLast((card) => card.scene.start_s <= at + 0.01) ?? this.#cards[0];
  }

  async #waves() {
    const cards = this.#cards;
    for (const card of cards.filter((one) => one.wave)) {
      try { card.wave.show(await peaksOf({ library: this.#score.library, track: card.wave.track })); } catch { card.wave.element.hidden = true; }
      if (cards !== this.#cards) return;
    }
  }

  // ---- changes

  #changed(line) { say(line, ["Undo", () => this.edits.undo()]); }

  #recut(step) {
    if (!this.#score) return;
    this.edits.recut(this.#score.scenes.length + step);
    this.#changed("The film is cut anew; what was set by hand is gone.");
  }

  #reset() {
    if (!this.edits.any) { say("Nothing was changed by hand."); return; }
    this.edits.reset();
    this.#changed("All changes are taken back.");
  }

  #split(card) {
    if (!card) return;
    const here = this.player.video.currentTime;
    const { start_s: start, end_s: end } = card.scene;
    if (here < start + 1 || here > end - 1) say(`The picture at ${precise(here)} is not a second inside scene ${card.n}: go to where it is to be split.`);
    else this.edits.split(this.#score.scenes, card.n, here);
  }

  /** Let the music of a scene begin there in its track; it is heard as soon as it can be. */
  #begin(card, at) {
    this.#moved = card.n;
    this.edits.begin(card.n, card.wave.track, at);
  }

  #hearMoved() {
    const scene = this.#score.scenes[this.#moved - 1];
    this.#moved = null;
    if (scene?.music) telling(() => this.#hear(Math.max(0, scene.start_s - BEFORE_S)))();
  }

  // ---- which scene is looked at, which one plays

  #select(card) {
    this.#selected?.select(false);
    this.#selected = card;
    card.select(true);
    this.reel.select(card.scene);
  }

  select(card, { focus = false } = {}) {
    if (!card) return;
    this.#select(card);
    this.player.seek(card.scene.start_s + 0.02); // on its first picture
    if (focus) {
      card.article.focus({ preventScroll: true });
      card.article.scrollIntoView({ block: "nearest" });
    }
  }

  #follow(seconds) {
    this.reel.playhead(seconds);
    this.#playing?.wave?.plays(this.#heard?.key === this.#key ? seconds : null);
    const card = this.#cards.findLast((one) => one.scene.start_s <= seconds + 0.01);
    if (!card || card === this.#playing) return;
    this.#playing?.plays(false);
    this.#playing?.wave?.plays(null);
    this.#playing = card;
    card.plays(true);
    this.#now();
  }

  /** Say what sounds in the scene that is shown. */
  #now() {
    const scene = this.#playing?.scene;
    if (this.#heard && scene) this.player.music({ film: this.#heard.film, title: this.#heard.titles[this.#heard.starts.findLastIndex((start) => start <= scene.start_s + 0.01)] ?? "no music" });
  }

  // ---- hearing

  get #key() { return this.#score && JSON.stringify([this.#score.id, this.state.sound()]); }

  /** Offer what can be heard and taken home of the score that is shown. */
  #fresh() {
    const key = this.#key;
    if (!key) return;
    if (this.#mixing && this.#mixing.key !== key) this.#stop();
    const music = this.#score.scenes.some((one) => one.music);
    const old = Boolean(this.#heard) && this.#heard.key !== key;
    this.#home.hidden = false;
    this.#old.hidden = !old;
    this.#button.disabled = this.#export.disabled = !music;
    fill(this.#button, this.player.playing ? "Pause" : !this.#heard ? "Hear it with music" : old ? "Hear the change" : "Play");
    if (this.#linked === key) return;
    this.#linked = key;
    const link = (name, text, also) => h("a", { href: `${at("media", "scores", this.#score.id)}/${name}`, ...also }, text);
    const asked = String(new URLSearchParams(this.state.sound()));
    const sheet = (kind) => `cue-sheet.${kind}${asked && `?${asked}`}`;
    fill(this.#links, music && [link(sheet("html"), "Cue sheet to print", { target: "_blank", rel: "noopener" }), link(sheet("csv"), "Cue sheet (CSV)", { download: true })],
      link("scenes.csv", "Scenes to edit (CSV)", { download: true }), button("Load edited scenes\u2026", () => this.#file.click(), { class: "link" }), this.#file);
  }

  /** Take back the table of scenes as somebody edited it. */
  async #take() {
    const [file] = this.#file.files;
    this.#file.value = "";
    if (!file) return;
    const { state, clip } = this;
    this.edits.take(await post(at("api", "clips", clip.id, "scenes"), { library: state.library, name: file.name, table: await file.text() }));
    this.#changed(`The scenes are those of ${file.name}.`);
  }

  /** End the mixing that is under way. */
  #stop() {
    if (this.#mixing?.job) remove(at("api", "jobs", this.#mixing.job)).catch(() => {});
    this.#mixing = null;
    fill(this.#mix);
  }

  /** Play the film with its music, or pause; music that is new is mixed first. */
  play() {
    if (this.player.playing) { this.player.video.pause(); return; }
    if (this.#heard?.key === this.#key) { this.player.play(); return; }
    telling(() => this.#hear())();
  }

  /** `from`: where it is to be heard from; by default where the film is. */
  async #hear(from = null) {
    const key = this.#key;
    if (!key || this.#mixing?.key === key) return;
    this.#stop();
    const mixing = (this.#mixing = { key, job: null });
    const score = this.#score;
    try {
      mixing.job = (await post(`${at("api", "scores", score.id)}/preview`, this.state.sound())).job;
      if (mixing !== this.#mixing) return;
      const row = new JobRow(mixing.job, "the film with its music");
      fill(this.#mix, row.element);
      const found = await finished(mixing.job, (one) => row.see(one)).finally(() => { row.close(); mixing.job = null; });
      if (mixing !== this.#mixing) return;
      this.#stop();
      if (from !== null) this.player.seek(from);
      this.#hold(key, score, found);
    } catch (error) {
      if (mixing !== this.#mixing) return;
      this.#stop();
      if (error.status !== 499) warn(error);
    }
    this.#fresh();
  }

  /** Give the player the film with its music, and the scenes what became of theirs. */
  #hold(key, score, found) {
    for (const cue of found.cues) this.#cards[cue.number - 1].lay(cue);
    fill(this.#remarks, [...score.remarks, ...found.remarks].map((line) => h("p", { class: "remark" }, line)));
    this.#heard = { key, film: found.film, starts: score.scenes.map((one) => one.start_s), titles: score.scenes.map((one) => one.music?.title) };
    this.player.music({ film: found.film, title: "" });
    this.#now();
    this.player.play();
  }

  exportIt() {
    const score = this.#score;
    if (!score?.scenes.some((one) => one.music)) return;
    const more = extras("Scenes and cuts as markers");
    const about = {
      title: `Export the music of ${this.clip.name}`, told: `${count(score.scenes.length, "scene")}, as they are shown.`, inside: more.inside,
      also: "All music as one WAV (the stem), the cue sheets and the table of scenes always lie beside.",
    };
    takeHome(this.status, about, async (formats) => (await post(`/api/scores/${score.id}/exports`, { ...this.state.sound(), formats, ...more.values() })).job);
  }

  #meaning(event) {
    const card = this.#selected;
    const beside = (step) => () => this.select(this.#cards[this.#cards.indexOf(card) + step], { focus: true });
    const press = (name) => () => { const control = card?.control(name); if (control && !control.disabled) control.click(); };
    const go = (name) => () => card?.control(name)?.focus();
    return {
      " ": () => this.play(), ArrowDown: beside(1), ArrowUp: beside(-1), ",": press("earlier"), ".": press("later"), s: () => this.#split(this.#playing), m: press("merge"),
      x: press("silence"), l: press("lock"), a: go("track"), t: go("theme"), n: go("name"), "+": () => this.#recut(1), "-": () => this.#recut(-1),
      z: () => this.edits.undo(), e: () => this.exportIt(), "?": () => showKeys(KEYS),
      ArrowLeft: () => card?.wave?.key(event), ArrowRight: () => card?.wave?.key(event), i: go("begins"),
    }[event.key];
  }
}
