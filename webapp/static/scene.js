// One scene of a film: how it looks and feels, its music and why, and what can be changed of it.

import { button, fill, h, newId } from "./dom.js";
import { lasting, precise } from "./format.js";
import { SectionWave } from "./section_wave.js";

const LEAST_S = 1; // of a scene
const NEAR_S = 0.55; // a border so near to a cut is the cut

/** The places where a scene may be cut, in seconds. */
export const cutsIn = (scene, cuts) => cuts.filter((at) => at > scene.start_s + LEAST_S && at < scene.end_s - LEAST_S);

/** The cut before (step -1) or after (step 1) the one where a scene begins, between its neighbours; undefined where there is none. */
export function cutBeside(scenes, n, cuts, step) {
  const [before, here] = [scenes[n - 2], scenes[n - 1]];
  if (!before) return undefined;
  const found = cuts.filter((at) => at > before.start_s + LEAST_S && at < here.end_s - LEAST_S && (at - here.start_s) * step > NEAR_S);
  return step > 0 ? found[0] : found.at(-1);
}

export class SceneCard {
  #tools = h("div", { class: "tools" });
  #flags = h("span", { class: "flags" });
  #ends = h("p", { class: "small soft", hidden: true });

  /** `told`: {scenes, cuts, fps, library, edits, acts}; acts: {select(card), split(card), begin(card, seconds or null)}. */
  constructor(scene, told) {
    this.scene = scene;
    this.#told = told;
    this.wave = scene.music && new SectionWave(scene, { fps: told.fps, library: told.library, begin: (at) => told.acts.begin(this, at) });
    const id = newId("scene");
    const name = told.edits.labels.get(scene.number) ?? scene.label ?? "";
    this.element = h("li", {}, h("article", { class: `card scene${scene.music ? "" : " silent"}`, tabindex: "-1", "aria-labelledby": id, on: { click: (event) => { if (!event.target.closest("button, a, select, input, label, summary, .selected .waveform")) told.acts.select(this); } } },
      h("div", { class: "shot" }, h("img", { src: scene.picture, alt: "", loading: "lazy", decoding: "async" })),
      h("div", { class: "about" },
        h("h3", { id }, h("span", { class: "rank" }, h("span", { class: "hidden" }, "Scene "), scene.number), " ", name),
        h("p", { class: "when" }, `${scene.timecode_in} \u2013 ${scene.timecode_out} `, h("span", { class: "soft" }, lasting(scene.duration_s))),
        h("p", {}, h("b", {}, capital(scene.feeling)), h("span", { class: "soft" }, ` \u00b7 ${scene.why}`)),
        scene.because.length > 0 && h("p", { class: "soft small" }, scene.because.join(", "))),
      h("div", { class: "music" }, this.#music(), this.wave?.element, this.#ends, this.#tools)));
    this.#mark();
    this.#tools.hidden = true;
  }

  #told;
  get n() { return this.scene.number; }
  get article() { return this.element.firstChild; }

  select(on) {
    this.article.classList.toggle("selected", on);
    if (on && !this.#tools.firstChild) fill(this.#tools, this.#controls());
    this.#tools.hidden = !on;
    this.wave?.select(on);
  }

  plays(on) {
    this.article.classList.toggle("playing", on);
    if (on) this.article.setAttribute("aria-current", "true"); else this.article.removeAttribute("aria-current");
  }

  /** Say how its music lies and ends, which is known when it is laid under the film. */
  lay({ placement, ends: words }) {
    this.wave?.lay(placement);
    this.#ends.hidden = !words;
    fill(this.#ends, words && `At its end: ${words}`);
  }

  /** Its control for a purpose, which the keys go to. */
  control(name) { return this.article.querySelector(`[data-key="${name}-${this.n}"]`); }

  #music() {
    const { music, music_why: why } = this.scene;
    if (!music) return h("p", { class: "track" }, h("b", {}, "No music"), h("span", { class: "soft" }, ` \u00b7 ${why.replace(/^silence: /, "")}`), this.#flags);
    const by = [music.artist, music.tempo && `${music.tempo} bpm`, music.key, music.licence ?? "licence not on file"].filter(Boolean).join(" \u00b7 ");
    const sides = [["Fits", "for", music.for], ["Against", "against", music.against]].filter(([, , words]) => words.length);
    return [
      h("p", { class: "track" }, h("b", { title: music.path }, music.title), h("span", { class: "soft" }, ` ${by}`), this.#flags),
      h("p", { class: "small" }, capital(why), sides.map(([name, kind, words]) => [" \u00b7 ", h("b", { class: kind }, `${name}: `), words.join(", ")])),
    ];
  }

  #mark() {
    const { edits } = this.#told;
    const letter = edits.themes.get(this.n);
    const lonely = letter && edits.sharing(letter) < 2;
    fill(this.#flags, this.scene.locked && h("span", { class: "chip" }, "Kept"), letter && h("span", { class: "chip" }, `Theme ${letter}${lonely ? ": give it to another scene, too" : ""}`));
    this.#flags.hidden = !this.#flags.firstChild;
  }

  #controls() {
    const { scene, n } = this;
    const { edits, scenes, cuts, acts } = this.#told;
    const key = (name, also = {}) => ({ "data-key": `${name}-${n}`, ...also });
    const press = (name, text, act, on = true) => button(text, act, key(name, { "aria-label": `${text.replace(/ ?[\u25c2\u25b8] ?/, "")}: scene ${n}`, disabled: !on }));
    const [earlier, later] = [-1, 1].map((step) => cutBeside(scenes, n, cuts, step));
    const inside = cutsIn(scene, cuts);
    const label = h("input", key("name", { type: "text", maxlength: 80, value: edits.labels.get(n) ?? "", placeholder: "such as: the arrival", autocomplete: "off", on: { change: (event) => edits.label(n, event.target.value) } }));
    const silent = h("input", key("silence", { type: "checkbox", checked: edits.silent.has(n), on: { change: (event) => edits.silence(n, event.target.checked) } }));
    return [
      h("div", { class: "grid" },
        this.#choice("track", "Track", this.#tracks(), scene.music?.track ?? "", (value) => edits.lock(n, Number(value))),
        this.#choice("theme", "Same track as", [["", "no other scene"], ...edits.letters.map((one) => [one, `theme ${one}`])], edits.themes.get(n) ?? "", (value) => edits.theme(n, value)),
        h("label", { class: "field" }, h("span", { class: "name" }, "Name"), label)),
      h("div", { class: "acts" },
        h("label", { class: "check" }, silent, h("span", {}, "No music")),
        scene.locked && press("lock", "Let the score choose", () => edits.lock(n, null)),
        n > 1 && press("earlier", "\u25c2 Begin scene a cut earlier", () => edits.move(scenes, n, earlier), earlier !== undefined),
        n > 1 && press("later", "Begin scene a cut later \u25b8", () => edits.move(scenes, n, later), later !== undefined),
        inside.length > 0 && this.#splits(inside),
        press("split", "Split here", () => acts.split(this)),
        n < scenes.length && press("merge", "Merge with next", () => edits.merge(scenes, n))),
    ];
  }

  /** What it has first, then what else would do. */
  #tracks() {
    const { music, alternatives } = this.scene;
    const of = (one) => [one.track, [one.title, one.artist, one.score.toFixed(3)].filter(Boolean).join(" \u00b7 ")];
    return [...(music ? [of(music)] : [["", "none"]]), ...alternatives.map(of)];
  }

  #choice(name, text, options, value, act) {
    const select = h("select", { "data-key": `${name}-${this.n}`, on: { change: () => act(select.value) } }, options.map(([one, told]) => h("option", { value: one }, told)));
    select.value = value;
    return h("label", { class: "field" }, h("span", { class: "name" }, text), select);
  }

  #splits(inside) {
    const select = h("select", { "data-key": `cut-${this.n}`, "aria-label": `Split scene ${this.n} at a cut`, on: { change: () => this.#told.edits.split(this.#told.scenes, this.n, Number(select.value)) } },
      h("option", { value: "" }, "Split at a cut\u2026"), inside.map((at) => h("option", { value: at }, precise(at))));
    return select;
  }
}

const capital = (text) => (text ? text[0].toUpperCase() + text.slice(1) : "");
