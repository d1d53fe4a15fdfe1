// The waveform of a track with the section that a scene has; it is looked at, not moved.

import { h } from "./dom.js";
import { precise } from "./format.js";
import { drawBars } from "./waveform.js";

export class SectionWave {
  #canvas = h("canvas");
  #section = h("i", { class: "part" });

  constructor(music) {
    const { duration_s: whole, in_s: from, out_s: to } = music;
    this.track = music.track;
    this.element = h("div", { class: "waveform small", role: "img", "aria-label": `${precise(from)} to ${precise(to)} of ${music.title}` }, this.#canvas, this.#section);
    this.element.hidden = !whole;
    if (!whole) return;
    Object.assign(this.#section.style, { left: `${100 * from / whole}%`, width: `${100 * (to - from) / whole}%` });
    new ResizeObserver(() => this.#draw()).observe(this.element);
  }

  #peaks = [];

  show(peaks) {
    this.#peaks = peaks;
    this.#draw();
  }

  #draw() { if (this.#peaks.length) drawBars(this.element, this.#canvas, this.#peaks); }
}
