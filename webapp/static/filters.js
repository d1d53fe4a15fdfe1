// Which tracks may be recommended at all: a field for each filter that the server declares.

import { at, get } from "./api.js";
import { choice, group, number, toggle } from "./controls.js";
import { button, field, fill, h, newId } from "./dom.js";
import { browse } from "./folders.js";

const LABELS = { bpm: "Tempo, bpm", half_double: "Half or double of it, too", duration: "Length", album_artist: "Album artist", instrumental: "Instrumental" };
const RANKERS = { cosine: "feeling", afclnet: "network (AFCLNet)", fusion: "both" };
const named = (filter) => LABELS[filter.name] ?? filter.name[0].toUpperCase() + filter.name.slice(1).replaceAll("_", " ");
const hint = (filter) => filter.help.split(":")[0].replace("With --bpm, also t", "T");

/** The group of filters and limits; `offer(tracks)` gives names to choose from. `film`: for a whole film, which has no list. */
export function filters(state, status, { film = false } = {}) {
  const lists = new Map();
  const shown = status.filters.filter((one) => one.kind !== "paths" || status.folders.music);
  const inside = [
    h("div", { class: "grid" }, shown.filter((one) => one.kind === "range").map((one) => range(state, one))),
    shown.filter((one) => one.kind === "switch").map((one) => toggle(state, one.name, named(one), hint(one))),
    shown.filter((one) => one.kind === "names").map((one) => names(state, one, lists)),
    shown.filter((one) => one.kind === "paths").map((one) => folders(state, one)),
    h("div", { class: "grid" },
      number(state, "per_artist", { label: film ? "Scenes with one artist" : "Tracks of one artist", hint: "at most", min: 1, step: 1, standard: null }),
      !film && number(state, "top", { label: "Tracks in the list", standard: 10, min: 1, max: 100, step: 1 }),
      choice(state, "ranker", "Scored by", { "": "the model\u2019s own way", ...Object.fromEntries(status.rankers.map((one) => [one, RANKERS[one] ?? one])) })),
    !film && toggle(state, "calibrate", "Measure feelings against this library\u2019s own music", "20 tracks at least"),
  ];
  const made = group("Filters and limits", inside, () => {
    const set = status.filters.reduce((sum, one) => sum + state.all(one.name).length, 0) + ["per_artist", "ranker", "calibrate"].filter((name) => state.get(name)).length;
    return set ? `${set} set` : "none";
  });
  const offer = (tracks) => {
    for (const [name, list] of lists) {
      const known = [...new Set(tracks.map((track) => track[name]).filter(Boolean))].sort();
      fill(list, known.map((value) => h("option", { value })));
    }
  };
  return { ...made, offer };
}

function range(state, filter) {
  const input = h("input", { type: "text", name: filter.name, placeholder: filter.example?.split(/,| or /)[0] ?? "" });
  const show = () => { input.value = state.get(filter.name) ?? ""; };
  input.addEventListener("change", () => state.set({ [filter.name]: input.value.trim() || null }));
  state.addEventListener("query", show);
  show();
  return field(named(filter), input, filter.example);
}

function names(state, filter, lists) {
  const id = newId("names");
  const list = h("datalist", { id });
  lists.set(filter.name, list);
  const input = h("input", { type: "text", name: filter.name, list: id, placeholder: filter.example?.replaceAll('"', "").split(/,| or |;/)[0] ?? "" });
  const chosen = h("span", { class: "chips" });
  const add = () => {
    const value = input.value.trim();
    if (value) state.set({ [filter.name]: [...new Set([...state.all(filter.name), value])] });
    input.value = "";
  };
  input.addEventListener("change", add);
  input.addEventListener("keydown", (event) => { if (event.key === "Enter") { event.preventDefault(); add(); } });
  follow(state, () => fill(chosen, state.all(filter.name).map((value) => chip(state, filter.name, value, value))));
  return h("div", { class: "field" }, h("label", {}, h("span", { class: "name" }, named(filter)), input), list, chosen);
}

function folders(state, filter) {
  const chosen = h("span", { class: "chips" });
  const add = (folder) => state.set({ [filter.name]: [...new Set([...state.all(filter.name), folder.id])] });
  follow(state, () => fill(chosen, state.all(filter.name).map((id) => folderChip(state, filter.name, id))));
  const open = button("Choose a folder\u2026", () => browse("music", { title: `${named(filter)}: a folder`, choose: add }), { "aria-label": `${named(filter)}: choose a folder` });
  return h("div", { class: "field" }, h("span", { class: "name" }, named(filter)), open, chosen, h("span", { class: "hint" }, hint(filter)));
}

const follow = (state, show) => { state.addEventListener("query", show); show(); };

/** A value that is set, which can be taken away. */
export function chip(state, name, value, text) {
  const drop = () => {
    const place = made.parentElement;
    state.set({ [name]: state.all(name).filter((one) => one !== value) });
    (place.querySelector("button") ?? place.parentElement.querySelector("input, select, button"))?.focus();
  };
  const made = h("span", { class: "chip" }, h("span", {}, text), button("\u00d7", drop, { "aria-label": `Remove ${text}` }));
  return made;
}

const paths = new Map();
function folderChip(state, name, id) {
  const made = chip(state, name, id, paths.get(id) ?? "a folder");
  if (!paths.has(id)) {
    get(at("api", "folders", id), { kind: "music" }).then((found) => { paths.set(id, found.path); fill(made.firstChild, found.path); }, () => fill(made.firstChild, "a folder that is not here"));
  }
  return made;
}

/** What is set, above the list: each can be taken away without opening anything. */
export function summary(state, status) {
  const element = h("p", { class: "chips set", "aria-label": "What narrows the list" });
  const show = () => {
    const shown = status.filters.flatMap((one) => state.all(one.name).map((value) => {
      if (one.kind === "paths") return folderChip(state, one.name, value);
      return chip(state, one.name, value, one.kind === "switch" ? named(one) : `${named(one)}: ${value}`);
    }));
    const cap = state.get("per_artist");
    if (cap) shown.push(chip(state, "per_artist", cap, `${cap} of one artist`));
    fill(element, shown);
    element.hidden = !shown.length;
  };
  follow(state, show);
  return element;
}
