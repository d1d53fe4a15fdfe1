// A track's waveform with the section that lies under the clip: moved by mouse, finger or keys.

import { fill, h } from "./dom.js";
import { precise } from "./format.js";

const COLUMNS = 800;
const [STEP_S, FINE_S, LEAP_S, LEAST_S] = [1, 0.1, 10, 1];
const QUIET = 0.02; // below it there is nothing to see
const NEAR_S = 0.06; // sections slide to the next frame of the clip
export { COLUMNS };

/** Whether music is played otherwise than from `at` on in one piece. */
export const isCut = (pieces, at) => Boolean(pieces && (pieces.length > 1 || Math.abs(pieces[0][0] - at) > NEAR_S));

/** Draw peaks in [0, 1] as bars over the whole of an element; soft tracks as tall as loud ones. */
export function drawBars(element, canvas, peaks) {
  const { clientWidth: wide, clientHeight: high } = element;
  if (!wide || !high) return;
  const scale = window.devicePixelRatio || 1;
  Object.assign(canvas, { width: wide * scale, height: high * scale });
  const pen = canvas.getContext("2d");
  pen.scale(scale, scale);
  pen.fillStyle = getComputedStyle(element).getPropertyValue("--wave");
  const highest = Math.max(QUIET, ...peaks);
  const bars = Math.min(peaks.length, Math.floor(wide / 3));
  for (let i = 0; i < bars; i += 1) {
    const [from, to] = [i, i + 1].map((k) => Math.round(k * peaks.length / bars));
    const tall = Math.max(1, Math.max(...peaks.slice(from, to)) / highest * (high - 4));
    pen.fillRect(i * wide / bars, (high - tall) / 2, Math.max(1, wide / bars - 1), tall);
  }
}

const plain = (at, shift) => { const step = shift ? FINE_S : STEP_S; return [at - step, at + step, at - LEAP_S, at + LEAP_S]; };

export class Waveform {
  active = false; // of the selected track
  #canvas = h("canvas", { "aria-hidden": "true" });
  #head = h("i", { class: "playhead", hidden: true });
  #pieces = h("div", { class: "pieces", "aria-hidden": "true" });
  #section;
  #peaks = [];
  #at;
  #length;
  #duration;

  /**
   * `duration`, `length`: of the track and of the clip, in s. `moved(at, settled)` hears of every move by hand.
   * `steps(at, shift)`: where left, right, page down and page up lead from there; `snap(at, shift)`: where a drag comes to
   * lie; `only_active`: whether just the selected one is moved.
   */
  constructor({ title, duration, at, length, moved, steps = plain, snap = (to) => to, only_active = false }) {
    this.#duration = duration;
    this.#length = length;
    Object.assign(this, { moved, steps, snap, only_active });
    this.#section = h("div", {
      class: "section", role: "slider", tabindex: only_active ? "-1" : "0", "aria-label": `Section of ${title}`,
      "aria-valuemin": 0, "aria-valuemax": this.#most.toFixed(1), on: { keydown: (event) => this.key(event) },
    });
    this.element = h("div", { class: "waveform" }, this.#canvas, this.#pieces, this.#section, this.#head);
    this.element.addEventListener("pointerdown", (event) => this.#drag(event));
    new ResizeObserver(() => this.draw()).observe(this.element);
    this.place(at);
  }

  /** Whether it is the one of the selected track. */
  activate(on) {
    this.active = on;
    if (this.only_active) this.#section.tabIndex = on ? 0 : -1;
  }

  /** What is moved, and has the focus. */
  get slider() { return this.#section; }
  get #most() { return Math.max(0, this.#duration - LEAST_S); }

  /** Draw these, of equal parts of the track, each in [0, 1]; soft tracks as tall as loud ones. */
  show(peaks) {
    this.#peaks = peaks;
    this.draw();
  }

  /** Begin the section there. `pieces`: [[start, end]] that are really played, where they are known. */
  place(at, pieces = null) {
    this.#at = at;
    const cut = isCut(pieces, at);
    const end = pieces && !cut ? pieces[0][1] : Math.min(at + this.#length, this.#duration);
    this.#across(this.#section, at, end);
    this.#section.setAttribute("aria-valuenow", at.toFixed(1));
    this.#section.setAttribute("aria-valuetext", `from ${precise(at)} to ${precise(end)} of ${precise(this.#duration)}`);
    this.element.classList.toggle("cut", cut);
    fill(this.#pieces, (cut ? pieces : []).map(([from, to]) => this.#across(h("i"), from, to)));
    this.draw();
  }

  /** Show where it plays, in seconds of the track; null where it does not. */
  plays(at) {
    this.#head.hidden = at === null;
    if (at !== null) this.#head.style.left = `${100 * at / this.#duration}%`;
  }

  focus() { this.#section.focus(); }

  draw() { drawBars(this.element, this.#canvas, this.#peaks); }

  #across(element, from, to) {
    element.style.left = `${100 * from / this.#duration}%`;
    element.style.width = `${100 * Math.max(0, to - from) / this.#duration}%`;
    return element;
  }

  #to(at, settled) {
    const kept = Math.min(this.#most, Math.max(0, at));
    if (kept !== this.#at) this.place(kept);
    this.moved(kept, settled);
  }

  /** Move there, as by hand. */
  go(at) { this.#to(at, true); }

  /** Move by an arrow key, with shift finely. */
  key(event) {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const [left, right, down, up] = this.steps(this.#at, event.shiftKey);
    const at = { ArrowLeft: left, ArrowRight: right, PageDown: down, PageUp: up, Home: 0, End: this.#duration - this.#length }[event.key];
    if (at === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    this.#to(at, true);
  }

  /** Inside the section it is taken along; beside that of the selected track, it comes to where the pointer is. */
  #drag(event) {
    if (event.button || !(this.active || (event.target === this.#section && !this.only_active))) return;
    const box = this.element.getBoundingClientRect();
    const seconds = (e) => (e.clientX - box.left) / box.width * this.#duration;
    const grip = event.target === this.#section ? seconds(event) - this.#at : 0;
    const start = event.clientX;
    let dragged = grip === 0;
    const move = (e) => {
      dragged ||= Math.abs(e.clientX - start) > 2;
      if (dragged) this.#to(this.snap(seconds(e) - grip, e.shiftKey), false);
    };
    const end = (e) => {
      this.element.removeEventListener("pointermove", move);
      for (const name of ["pointerup", "pointercancel"]) this.element.removeEventListener(name, end);
      if (dragged && e.type === "pointerup") this.#to(this.snap(seconds(e) - grip, e.shiftKey), true);
    };
    this.element.setPointerCapture(event.pointerId);
    this.element.addEventListener("pointermove", move);
    for (const name of ["pointerup", "pointercancel"]) this.element.addEventListener(name, end);
  }
}
