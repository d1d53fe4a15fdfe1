// One film at a time: the clip as it is, or with the selected track under it; a change keeps place and play.

import { fill, h, newId } from "./dom.js";
import { warn } from "./told.js";

const NEARLY_S = 0.3;

export class Player {
  #film;
  #held = h("canvas", { class: "held", hidden: true, "aria-hidden": "true" });
  #line = h("p", { class: "now", "aria-live": "off" });
  #wanted = false; // play as soon as the music is there
  #music = null; // {film, title}
  #clipOnly = false;
  #radios;

  /** `told(seconds)` hears where the film is, while it plays and when it is moved; `turned(playing)` of start and stop. */
  constructor(clip, told, turned) {
    this.clip = clip;
    this.video = h("video", { controls: true, playsinline: true, preload: "auto", "aria-label": clip.name });
    if (clip.pictures) this.video.poster = `/media/clips/${encodeURIComponent(clip.id)}/pictures/${Math.floor(clip.pictures / 2)}`;
    this.#radios = this.#choice();
    this.element = h("figure", { class: "player" }, h("div", { class: "screen" }, this.video, this.#held),
      h("figcaption", {}, this.#radios, this.#line));
    this.#follow(told);
    for (const event of ["play", "pause", "ended"]) this.video.addEventListener(event, () => turned(this.playing));
    this.#show();
  }

  /** The clip has a film that can be played, now. */
  know(clip) {
    this.clip = clip;
    this.#show();
  }

  get playing() { return !this.video.paused && !this.video.ended; }

  /** The film with the selected music, as soon as there is one; null while it is made. */
  music(found) {
    this.#music = found;
    this.#show();
    if (found && this.#wanted) this.#play();
  }

  /** Say how far the music is; "" for nothing to say. */
  say(line) { fill(this.#line, line || this.#now()); }

  /** Play the music, as soon as it is there, or pause. */
  toggle() {
    if (this.playing || this.#wanted) {
      this.#wanted = false;
      this.video.pause();
      return;
    }
    this.#choose(false);
    this.play();
  }

  /** Play the music as soon as it is there. */
  play() {
    if (this.#music || this.#clipOnly) this.#play(); else this.#wanted = true;
  }

  seek(seconds) { this.video.currentTime = seconds; }

  /** Change between the clip as it is and the clip with music. */
  compare() { this.#choose(!this.#clipOnly); }

  #play() {
    this.#wanted = false;
    this.video.play().catch(() => {}); // told by the element's own error, or stopped by a change of film
  }

  #choose(clipOnly) {
    this.#clipOnly = clipOnly;
    for (const radio of this.#radios.querySelectorAll("input")) radio.checked = (radio.value === "clip") === clipOnly;
    this.#show();
  }

  #choice() {
    const name = newId("heard");
    const radio = (value, text) => h("label", {}, h("input", {
      type: "radio", name, value, checked: value === "music", on: { change: () => this.#choose(value === "clip") },
    }), text);
    return h("fieldset", { class: "switch" }, h("legend", { class: "hidden" }, "What is heard"), radio("music", "With music"), radio("clip", "Clip alone"));
  }

  #now() {
    if (!this.clip.film) return "The film is being made ready\u2026";
    return this.#music && !this.#clipOnly ? h("span", {}, "Now: ", h("b", {}, this.#music.title)) : "Now: the clip\u2019s own sound";
  }

  #show() {
    this.say("");
    const film = !this.#clipOnly && this.#music ? this.#music.film : this.clip.film;
    if (!film || film === this.#film) return;
    const { video } = this;
    const [at, goesOn] = [video.currentTime, this.playing];
    this.#hold();
    this.#film = film;
    video.preload = film === this.clip.film ? "metadata" : "auto"; // clips may be large, previews are about to be heard
    video.src = film;
    video.addEventListener("loadedmetadata", () => {
      if (film !== this.#film) return;
      if (at && at < video.duration - NEARLY_S) video.currentTime = at; // from the end it begins anew
      if (goesOn) this.#play();
    }, { once: true });
  }

  /** Keep the last picture over the film until the next one has its own. */
  #hold() {
    const { video } = this;
    if (video.readyState < 2 || !video.videoWidth) return;
    Object.assign(this.#held, { width: video.videoWidth, height: video.videoHeight, hidden: false });
    this.#held.getContext("2d").drawImage(video, 0, 0);
  }

  #follow(told) {
    const { video } = this;
    const step = () => { told(video.currentTime); if (this.playing) requestAnimationFrame(step); };
    video.addEventListener("play", step);
    for (const event of ["seeked", "timeupdate"]) video.addEventListener(event, () => { if (!this.playing) told(video.currentTime); });
    for (const event of ["loadeddata", "seeked"]) video.addEventListener(event, () => { if (!video.seeking) this.#held.hidden = true; });
    video.addEventListener("error", () => {
      this.#held.hidden = true;
      if (!(this.clip.still && this.#film === this.clip.film)) warn(`this browser cannot play the film of ${this.clip.name}`);
    });
  }
}
