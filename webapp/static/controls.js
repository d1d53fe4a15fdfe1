// Length and sound: how music is laid under the clip. What is not set here is as the server has it.

import { field, fill, h } from "./dom.js";
import { precise, seconds } from "./format.js";

/** A number field of the state; empty or the standard leaves it out of the address. */
export function number(state, name, { label, hint = "", unit = "", standard = null, ...limits }) {
  const input = h("input", { type: "number", inputmode: "decimal", placeholder: standard ?? "auto", ...limits, name });
  const show = () => { input.value = state.get(name) ?? (standard ?? ""); };
  input.addEventListener("change", () => {
    if (!input.reportValidity()) return;
    const same = input.value === "" || (standard !== null && Number(input.value) === standard);
    state.set({ [name]: same ? null : input.value });
    show();
  });
  show();
  return field(label, h("span", { class: "with-unit" }, input, unit && h("span", { class: "unit" }, unit)), hint);
}

/** A switch of the state. */
export function toggle(state, name, label, hint = "") {
  const input = h("input", { type: "checkbox", name, checked: state.get(name) === "true" });
  input.addEventListener("change", () => state.set({ [name]: input.checked ? "true" : null }));
  return h("label", { class: "check" }, input, h("span", {}, label, hint && h("span", { class: "hint" }, hint)));
}

/** One of several, `{value: text}`; the first is the standard. */
export function choice(state, name, label, texts) {
  const select = h("select", { name }, Object.entries(texts).map(([value, text]) => h("option", { value }, text)));
  select.value = state.get(name) ?? Object.keys(texts)[0];
  select.addEventListener("change", () => state.set({ [name]: select.selectedIndex ? select.value : null }));
  return field(label, select);
}

/** A group that opens; its head tells what is set inside. */
export function group(title, inside, told) {
  const line = h("span", { class: "soft" }, told());
  const element = h("details", { class: "group" }, h("summary", {}, h("b", {}, title), " ", line), h("div", { class: "inside" }, inside));
  return { element, update: () => fill(line, told()) };
}

/** How loud music is, and how it begins and ends. `film`: under a whole film, whose scenes music may be too short for. */
export function sound(state, levels, { film = false } = {}) {
  const limits = { speech_lu: [6, 30, 1], lufs: [-40, -8, 1], peak: [-12, 0, 0.1] };
  const level = (name, label, unit, hint) => number(state, name, { label, unit, hint, standard: levels[name], min: limits[name][0], max: limits[name][1], step: limits[name][2] });
  const fade = (name, label) => number(state, name, { label, unit: "s", standard: levels[name], min: 0, step: 0.1 });
  const inside = [
    toggle(state, "mute_clip", `Leave the ${film ? "film" : "clip"}\u2019s own sound out`, "as where it has music already"),
    film && toggle(state, "recut", "Cut short music to its scene\u2019s length", "else it ends before its scene does"),
    h("div", { class: "grid" },
      level("lufs", "Loudness", "LUFS", "where nobody speaks"), level("speech_lu", "Below speech", "LU", "while somebody speaks"),
      level("peak", "Highest peak", "dBTP", ""), fade("fade_in", "Fade in"), fade("fade_out", "Fade out")),
  ];
  return group("Sound", inside, () => {
    const told = [`${state.get("lufs") ?? levels.lufs} LUFS`, `${state.get("speech_lu") ?? levels.speech_lu} LU below speech`];
    if (state.get("mute_clip")) told.push(film ? "film muted" : "clip muted");
    if (film && state.get("recut")) told.push("short music cut to length");
    return told.join(", ").replaceAll("-", "\u2212");
  });
}

export function fit(state, clip) {
  const on = h("input", { type: "checkbox", name: "fit" });
  const length = h("input", { type: "text", name: "length", placeholder: "whole clip", inputmode: "decimal" });
  const ending = choice(state, "ending", "Ending", { free: "anywhere, with a fade", real: "as the track really ends" });
  const hit = h("input", { type: "text", name: "hit", placeholder: "1:02", inputmode: "decimal" });
  const rest = h("fieldset", { class: "grid" }, h("legend", { class: "hidden" }, "How it is cut"),
    field("Length", length, "seconds or 1:30"), ending, field("Peak of the music at", hit, "a time of the clip"));
  const show = () => {
    const given = state.get("fit");
    on.checked = given !== null;
    rest.disabled = given === null;
    length.value = given === null || given === "clip" ? "" : precise(Number(given));
    hit.value = state.get("hit") === null ? "" : precise(seconds(state.get("hit")));
    ending.querySelector("select").value = state.get("ending") ?? "free";
  };
  on.addEventListener("change", () => state.set(on.checked ? { fit: "clip" } : { fit: null, ending: null, hit: null }));
  length.addEventListener("change", () => { if (timed(length, clip.duration_s)) state.set({ fit: length.value.trim() === "" ? "clip" : seconds(length.value) }); });
  hit.addEventListener("change", () => { if (timed(hit, clip.duration_s)) state.set({ hit: hit.value.trim() === "" ? null : seconds(hit.value) }); });
  state.addEventListener("sound", show);
  show();
  const inside = [h("label", { class: "check" }, on, h("span", {}, "Cut the music to a length", h("span", { class: "hint" }, "by jumps between bars that are alike"))), rest];
  return group("Fit to length", inside, () => {
    const given = state.get("fit");
    if (given === null) return "off";
    return (given === "clip" ? "whole clip" : precise(Number(given))) + (state.get("ending") === "real" ? ", real ending" : "");
  });
}

/** Whether a field holds a time of the clip, or nothing; says what is wrong in it. */
function timed(input, most) {
  const value = seconds(input.value);
  const fine = input.value.trim() === "" || (value > 0 && (!most || value <= most + 0.05));
  input.setCustomValidity(fine ? "" : `give seconds or 1:30, at most ${precise(most)}`);
  return input.reportValidity();
}
