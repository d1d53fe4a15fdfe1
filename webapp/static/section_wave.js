// Where the music of a scene begins in its track: on the waveform by mouse or finger, by beats, by frames, by its time.

import { button, fill, h } from "./dom.js";
import { exact, precise, seconds } from "./format.js";
import { beatsOf } from "./peaks.js";
import { Waveform } from "./waveform.js";

const STROKE_S = 0.02; // music begins so long before a beat, that its stroke is whole: as where the score begins it
const [STEP_S, LEAP_S, FPS] = [0.5, 4, 25]; // where no beats are known; where no frames are counted
const NEAR_S = 0.3; // of what a drag comes to lie on

/** Of sorted places: the last one before, the first one behind. */
const beside = (places, at, otherwise) => [places.findLast((one) => one < at - 1e-3) ?? otherwise[0], places.find((one) => one > at + 1e-3) ?? otherwise[1]];

export class SectionWave {
  #tools = h("div", { class: "begins", hidden: true });
  #beats = []; // where music may begin for a beat, and for a bar, in seconds of the track
  #bars = [];
  #laid = null; // pieces that are really played, where that is known

  /** `told`: {fps of the film, library, begin(seconds or null)}. */
  constructor(scene, told) {
    const { music } = scene;
    Object.assign(this, { scene, track: music.track, told });
    this.element = h("div", {});
    if (!music.duration_s) return;
    this.wave = new Waveform({
      title: music.title, duration: music.duration_s, at: music.in_s, length: scene.duration_s, only_active: true,
      steps: (at, shift) => (shift ? this.#by(1, at) : this.#onward(at)), snap: (at, shift) => this.#snap(at, shift), moved: (at, settled) => this.#moved(at, settled),
    });
    this.wave.slider.dataset.key = `wave-${scene.number}`;
    this.wave.element.classList.add("small");
    this.element.append(this.wave.element, this.#tools);
  }

  show(peaks) { this.wave?.show(peaks); }

  select(on) {
    if (!this.wave) return;
    this.wave.activate(on);
    this.wave.element.classList.toggle("small", !on);
    this.wave.draw();
    this.#tools.hidden = !on;
    if (!on || this.#tools.firstChild) return;
    fill(this.#tools, this.#controls());
    beatsOf({ library: this.told.library, track: this.track }).then((found) => {
      const begin = (at) => Math.max(0, this.#frame(at - STROKE_S, Math.floor));
      this.#beats = found.beats_s.map(begin);
      this.#bars = found.downbeats_s.map(begin);
    }, () => {});
  }

  /** Move by a key of the page. */
  key(event) { this.wave?.key(event); }

  /** How it was laid under the film. */
  lay(placement) {
    this.#laid = placement && placement.pieces.map((one) => [one.start_s, one.end_s]);
    if (!this.#laid || !this.wave) return;
    const [[from]] = this.#laid;
    this.wave.place(from, this.#laid.length > 1 ? this.#laid : null);
    this.#at = from;
    this.#tell();
  }

  /** Show where it plays, in seconds of the film; null for not. */
  plays(clock) {
    const at = clock === null || !this.#laid ? null : this.#laid[0][0] + clock - this.scene.start_s;
    this.wave?.plays(at !== null && this.#laid.length === 1 && at <= this.#laid[0][1] ? at : null);
  }

  // ---- where it begins

  get #at() { return this.now ?? this.scene.music.in_s; }
  set #at(at) { this.now = at; }

  #frame(at, round = Math.round) { return round(at * this.told.fps + (round === Math.floor ? 1e-6 : 0)) / this.told.fps; }
  #by(frames, at) { return [-1, 1, -10, 10].map((n) => this.#frame(at) + n * frames / this.told.fps); }
  #onward(at) { return [...beside(this.#beats, at, [at - STEP_S, at + STEP_S]), ...beside(this.#bars, at, [at - LEAP_S, at + LEAP_S])]; }

  /** On the next beat where one is near, with shift on the next frame. */
  #snap(at, shift) {
    const beat = shift ? undefined : this.#beats.reduce((best, one) => (Math.abs(one - at) < Math.abs(best - at) ? one : best), Infinity);
    return Math.abs(beat - at) < NEAR_S ? beat : this.#frame(at);
  }

  #moved(at, settled) {
    this.#at = at;
    this.#tell();
    if (settled) this.told.begin(at);
  }

  #tell() {
    const input = this.#tools.querySelector("input");
    if (input) input.value = exact(this.#at);
  }

  #controls() {
    const n = this.scene.number;
    const most = this.scene.music.duration_s;
    const key = (name) => ({ "data-key": `${name}-${n}` });
    const step = (name, text, label, to) => button(text, () => this.wave.go(to()), { ...key(name), "aria-label": `${label}: scene ${n}`, class: "step" });
    const input = h("input", { ...key("begins"), type: "text", inputmode: "decimal", autocomplete: "off", size: 9, value: exact(this.#at) });
    input.addEventListener("change", () => {
      const at = seconds(input.value);
      const fine = input.value.trim() === "" || at < most - 0.5;
      input.setCustomValidity(fine ? "" : `give a time before ${precise(most - 0.5)}, such as 0:12.5`);
      if (!input.reportValidity()) return;
      if (input.value.trim() === "") this.told.begin(null); else this.wave.go(this.#frame(at));
    });
    return [
      h("label", {}, h("span", {}, "Music begins in its track at"), input),
      h("span", { class: "steps" }, step("beat-back", "\u25c2 Beat", "A beat earlier", () => this.#onward(this.#at)[0]), step("beat-on", "Beat \u25b8", "A beat later", () => this.#onward(this.#at)[1])),
      h("span", { class: "steps" }, step("frame-back", "\u25c2 Frame", "A frame earlier", () => this.#by(1, this.#at)[0]), step("frame-on", "Frame \u25b8", "A frame later", () => this.#by(1, this.#at)[1])),
      this.scene.begins_s !== null && button("As the score had it", () => this.told.begin(null), { ...key("free"), class: "link" }),
    ];
  }
}

export { FPS };
