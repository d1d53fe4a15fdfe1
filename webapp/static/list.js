// The ranked list: the answer that is shown, its cards, and which of them is selected.

import { Card } from "./card.js";
import { fill, h } from "./dom.js";
import { peaksOf } from "./peaks.js";

export class List {
  cards = [];
  selected = null;
  answer = null;
  #acts;
  #turn = 0;
  element = h("ol", { class: "tracks", "aria-label": "Recommended tracks, best first" });

  constructor(state, acts) {
    this.state = state;
    this.#acts = acts;
  }

  /** Show an answer; the selected track stays so where it is in it. */
  show(answer) {
    this.answer = answer;
    const titles = answer.recommendations.map((track) => track.title);
    this.cards = answer.recommendations.map((track) => new Card(track, answer, this.#acts, {
      at: this.state.begins(track.track) ?? track.in_s,
      twin: titles.filter((title) => title === track.title).length > 1,
    }));
    fill(this.element, this.cards.map((card) => card.element));
    this.selected = null;
    const before = this.state.track;
    const wanted = this.cards.find((card) => String(card.track.track) === before);
    if (this.cards.length) this.select(wanted ?? this.cards[0]);
    this.#draw();
    return { missing: Boolean(before && this.cards.length && !wanted) };
  }

  select(card) {
    this.selected?.select(false);
    this.selected = card;
    card.select(true);
    this.state.select(card.track.track);
  }

  /** The card so many places on; null where the list ends. */
  beside(step) {
    return this.cards[this.cards.indexOf(this.selected) + step] ?? null;
  }

  /** Waveforms one after the other: the films come first. */
  async #draw() {
    const turn = (this.#turn += 1);
    for (const card of this.cards) {
      try {
        card.wave.show(await peaksOf(card.of));
      } catch (error) {
        card.say([`no waveform: ${error.message}`]);
      }
      if (turn !== this.#turn) return;
    }
  }
}
