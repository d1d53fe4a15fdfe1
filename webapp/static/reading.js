// What is known of the clip itself: its pictures in a row, where somebody speaks, how it feels and why.

import { at } from "./api.js";
import { fill, h } from "./dom.js";
import { clock, lasting } from "./format.js";

const LEAST = 4; // fewer pictures are no row

/** The row of pictures, which takes one to a place of the clip; `spoken` and `playhead` add to it. */
export class Strip {
  #duration;
  #head = h("i", { class: "playhead" });
  #speech = h("div", { class: "spoken" });

  constructor(clip, seek) {
    this.#duration = clip.duration_s;
    const pictures = Array.from({ length: clip.pictures ?? 0 }, (_, i) => h("img", { src: at("media", "clips", clip.id, "pictures", i), alt: "", decoding: "async" }));
    const jump = (event) => { const box = this.element.getBoundingClientRect(); seek((event.clientX - box.left) / box.width * this.#duration); };
    // The film's own controls do the same by keyboard.
    this.element = h("div", { class: "strip", "aria-hidden": "true", on: this.#duration ? { click: jump } : {} }, pictures, this.#speech, this.#head);
    this.element.hidden = pictures.length < LEAST;
  }

  spoken(stretches) {
    fill(this.#speech, stretches.map(([from, to]) => {
      const mark = h("i");
      mark.style.left = `${100 * from / this.#duration}%`;
      mark.style.width = `${100 * (to - from) / this.#duration}%`;
      return mark;
    }));
  }

  playhead(seconds) {
    if (this.#duration) this.#head.style.left = `${Math.min(100, 100 * seconds / this.#duration)}%`;
  }
}

/** `0:30 · 1280 × 720 · 24 fps · sound`. */
export function measures(clip) {
  const told = [
    clip.still ? "still picture" : clip.duration_s && clock(clip.duration_s), clip.width && `${clip.width} \u00d7 ${clip.height}`,
    !clip.still && clip.fps && `${Number(clip.fps.toFixed(3))} fps`, !clip.still && (clip.has_audio ? "sound" : "silent"),
  ];
  return told.filter(Boolean).join(" \u00b7 ");
}

/** How the clip was read. */
export function reading(query) {
  const [mood, rest] = (query.sentence ?? "").split(/, (?=most like)|: (?=valence)/, 2);
  const spoken = (query.speech ?? []).reduce((sum, [from, to]) => sum + to - from, 0);
  return [
    mood && h("p", { class: "mood", title: query.sentence }, mood[0].toUpperCase() + mood.slice(1), rest && h("span", { class: "soft" }, `, ${rest.split(":")[0]}`)),
    query.because && h("p", { class: "soft" }, `Because: ${query.because}`),
    spoken > 0 && h("p", { class: "soft" }, `Somebody speaks for ${lasting(spoken)}.`),
  ];
}
