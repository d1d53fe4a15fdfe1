// One recommended track: what it is, which part is used, why, how it moves under the clip.

import { arcs } from "./arcs.js";
import { button, fill, h, newId } from "./dom.js";
import { baseName, percent, precise } from "./format.js";
import { Waveform, isCut } from "./waveform.js";

export class Card {
  #answer;
  #acts;
  #drawn = h("div");
  #use = h("dd");
  #told = h("p", { class: "remark", hidden: true });
  #back;
  #pick;
  #play;
  #heads = [];
  #laid = null; // the placement of the last preview

  /** `acts`: {hear, pick, exportIt, moved}, each called with the card; `at`: where the section begins. */
  constructor(track, answer, acts, { at, twin }) {
    this.track = track;
    this.at = at;
    this.#answer = answer;
    this.#acts = acts;
    this.wave = new Waveform({
      title: track.title, duration: this.#duration, at, length: this.length,
      moved: (to, settled) => { this.move(to); acts.moved(this, settled); },
    });
    this.#back = button(`Back to ${precise(track.in_s)}`, () => { this.move(track.in_s); acts.moved(this, true); this.wave.focus(); }, { class: "link" });
    this.#play = button("Play", () => acts.hear(this), { class: "play" });
    this.plays(false);
    this.#pick = button("Pick", () => acts.pick(this), { class: "pick", "aria-pressed": "false" });
    const id = newId("track");
    this.element = h("li", {}, h("article", { class: "card", tabindex: "-1", "aria-labelledby": id, on: { click: (event) => this.#chosen(event) } },
      this.#head(id, twin), this.wave.element, this.#facts(), this.#why(), this.#told, this.#drawn));
    this.#redraw();
  }

  /** What is asked about it; the address may be ahead of the list that is shown. */
  get of() { return { clip: this.#answer.clip, library: this.#answer.library, track: this.track.track }; }
  get article() { return this.element.firstChild; }
  get length() { return this.#answer.query.duration_s || Math.max(1, this.track.out_s - this.track.in_s); }
  get #duration() { return this.track.duration_s || Math.max(this.track.out_s, this.at + this.length); }

  /** [[from, to]] of the track where the placement is known. */
  get #pieces() { return this.#laid?.pieces.map((p) => [p.start_s, p.end_s]) ?? null; }
  get #spans() { return isCut(this.#pieces, this.at) ? this.#pieces : [[this.at, this.end]]; }

  get isLaid() { return this.#laid !== null; }

  /** What of the track is used: `0:30–1:00`. */
  get use() { return this.#spans.map(([from, to]) => `${precise(from)}\u2013${precise(to)}`).join(", "); }

  /** Where the section ends, in seconds of the track: as it was laid, else as it will be. */
  get end() {
    if (this.#pieces && !isCut(this.#pieces, this.at)) return this.#pieces[0][1];
    return Math.min(this.at + this.length, this.#duration);
  }

  /** Begin the section there; what was known of its preview holds no longer. */
  move(at) {
    this.at = at;
    this.lay(null);
  }

  /** How it was laid under the clip, with what is to be said of that; null for not known yet. */
  lay(placed) {
    this.#laid = placed?.placement ?? null;
    this.wave.place(this.at, this.#pieces);
    const cost = placed?.fit?.joints.length ? [`cut to length in ${placed.fit.pieces.length} pieces; the cuts cost ${placed.fit.cost.toFixed(2)} of a random jump`] : [];
    this.say([...cost, ...(placed?.remarks ?? [])]);
    this.#redraw();
  }

  say(lines) {
    this.#told.hidden = !lines.length;
    fill(this.#told, lines.join(" \u00b7 "));
  }

  select(on) {
    this.wave.activate(on);
    this.article.classList.toggle("selected", on);
    if (on) this.article.setAttribute("aria-current", "true"); else this.article.removeAttribute("aria-current");
    if (on) return;
    this.playhead(null);
    this.plays(false);
  }

  plays(on) {
    fill(this.#play, on ? "Pause" : "Play");
    this.#play.setAttribute("aria-label", `${on ? "Pause" : "Play"} ${this.track.title}`);
  }

  picked(on) {
    this.#pick.setAttribute("aria-pressed", String(on));
    fill(this.#pick, on ? "Picked \u2713" : "Pick");
  }

  /** Show where the clip is, in seconds of it; null where this track does not play. */
  playhead(clock) {
    this.wave.plays(clock === null ? null : this.#heard(clock));
    for (const head of this.#heads) {
      head.hidden = clock === null;
      if (clock !== null) head.style.left = `${Math.min(100, 100 * clock / this.length)}%`;
    }
  }

  /** The second of the track that sounds at a second of the clip; null for none. */
  #heard(clock) {
    if (!this.#laid) return this.at + clock <= this.end ? this.at + clock : null;
    let left = clock - this.#laid.at_s;
    for (const piece of left < 0 ? [] : this.#laid.pieces) {
      if (left <= piece.end_s - piece.start_s) return piece.start_s + left;
      left -= piece.end_s - piece.start_s;
    }
    return null;
  }

  #redraw() {
    const moved = this.at !== this.track.in_s;
    fill(this.#use, this.use, ` of ${precise(this.#duration)} `, moved && this.#back);
    const { query } = this.#answer;
    fill(this.#drawn, arcs({
      picture: query.course, music: this.#spans.length > 1 ? [] : this.track.course, shift: (this.#laid?.at_s ?? 0) - (this.#laid?.pieces[0].start_s ?? this.at),
      duration: this.length, speech: query.speech ?? [],
    }));
    this.#heads = [...this.#drawn.querySelectorAll("figure")].map((figure) => figure.appendChild(h("span", { class: "over" })).appendChild(h("i", { class: "playhead", hidden: true })));
  }

  #head(id, twin) {
    const { track } = this;
    const by = [track.artist, track.album, track.year].filter(Boolean).join(" \u00b7 ");
    const place = twin || !by ? track.path : "";
    return h("div", { class: "head" }, h("span", { class: "rank", "aria-hidden": "true" }, track.rank),
      h("div", {}, h("h3", { id }, h("span", { class: "hidden" }, `${track.rank}. `), track.title),
        h("p", { class: "soft by", title: track.path }, by, by && place && h("br"), place && h("span", { class: "path" }, twin ? place : baseName(place)))),
      h("p", { class: "score" }, h("span", { class: "soft" }, "score "), h("b", {}, track.score.toFixed(3)),
        h("meter", { min: 0, max: 1, value: Math.min(1, Math.max(0, track.score)), "aria-hidden": "true" })),
      this.#buttons());
  }

  #facts() {
    const { track } = this;
    const sure = (share) => (share === null || share === undefined ? "" : ` (${percent(share)} sure)`);
    const told = [
      ["Use", this.#use],
      ["Tempo", track.bpm && h("dd", { title: sure(track.bpm_confidence).trim() }, `${track.tempo} bpm`)],
      ["Key", track.key && h("dd", { title: sure(track.key_confidence).trim() }, track.key)],
      ["Feels", track.mood && h("dd", {}, track.mood)],
      ["Genre", track.genre && h("dd", {}, track.genre)],
      ["Licence", h("dd", { class: track.licence ? null : "missing", title: track.licence ? null : "ask before you use it" }, track.licence || "not on file")],
    ];
    return h("dl", { class: "facts" }, told.filter(([, value]) => value).map(([name, value]) => h("div", {}, h("dt", {}, name), value)));
  }

  #why() {
    const { track } = this;
    const side = (name, kind, words) => words?.length > 0 && h("span", {}, h("b", { class: kind }, `${name}: `), words.join(", "));
    const files = [["Also here as", track.versions], ["Also in", track.also_in], ["Contains", track.contains], ["Equal files", track.copies]];
    const more = [
      ...(track.reasons ?? []).map((why) => h("li", {}, why.text)),
      h("li", { class: "path" }, `File: ${track.path}`),
      ...files.filter(([, paths]) => paths?.length).map(([name, paths]) => h("li", { class: "path" }, `${name}: ${paths.join(", ")}`)),
    ];
    return h("div", { class: "why" },
      h("p", {}, side("Fits", "for", track.for), " ", side("Against", "against", track.against)),
      track.fits === false && h("p", { class: "soft" }, "Its match is rated below 50 %."),
      track.damaged_packets > 0 && h("p", { class: "soft" }, `Damaged: ${track.damaged_packets} packets could not be read.`),
      h("details", {}, h("summary", {}, "Figures and file"), h("ul", {}, more)));
  }

  #buttons() {
    const of = (word) => ({ "aria-label": `${word} ${this.track.title}` });
    this.#pick.setAttribute("aria-label", `Pick ${this.track.title}`);
    return h("div", { class: "acts" }, this.#play, this.#pick,
      button("Export\u2026", () => this.#acts.exportIt(this), of("Export")));
  }

  /** A click on what is no control chooses the track. */
  #chosen(event) {
    if (!event.target.closest("button, a, summary, details")) this.#acts.select(this);
  }
}
