// The scenes in a row, as long as they last: a picture of each, and where the film is.

import { fill, h } from "./dom.js";

export class Reel {
  #head = h("i", { class: "playhead" });
  #row = h("div", { class: "shots" });
  #scenes = [];
  #duration = 1;

  constructor(choose) {
    // The scenes' cards do the same by keyboard.
    this.element = h("div", { class: "reel", "aria-hidden": "true", on: { click: (event) => { const at = [...this.#row.children].indexOf(event.target.closest(".shots > *")); if (at >= 0) choose(this.#scenes[at]); } } }, this.#row, this.#head);
    this.element.hidden = true;
  }

  show(scenes, duration) {
    this.#scenes = scenes;
    this.#duration = duration || 1;
    this.element.hidden = false;
    fill(this.#row, scenes.map((scene) => {
      const shot = h("span", { title: `Scene ${scene.number}, ${scene.timecode_in}` }, h("img", { src: scene.picture, alt: "", decoding: "async" }), h("b", {}, scene.number));
      shot.style.flexGrow = scene.duration_s;
      shot.classList.toggle("silent", !scene.music);
      return shot;
    }));
  }

  select(scene) { [...this.#row.children].forEach((shot, i) => shot.classList.toggle("selected", this.#scenes[i] === scene)); }

  playhead(seconds) { this.#head.style.left = `${Math.min(100, 100 * seconds / this.#duration)}%`; }
}
