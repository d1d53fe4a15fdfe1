// What was picked, newest first: heard again, exported, given up.

import { at, get, on, remove } from "./api.js";
import { button, fill, h } from "./dom.js";
import { clock, libraryName, moment, precise } from "./format.js";
import { addressOf } from "./state.js";
import { say, telling } from "./told.js";

export async function show(root, params) {
  const { libraries } = await get("/api/libraries");
  const usable = libraries.filter((one) => !one.error);
  let library = usable.find((one) => one.id === params.get("library")) ?? usable[0];
  const place = h("div");
  const select = h("select", { name: "library" }, usable.map((one) => h("option", { value: one.id, selected: one === library }, libraryName(one))));
  fill(root, h("h1", {}, "Picks"));
  if (!library) {
    root.append(h("p", {}, "There is no library yet, so nothing was picked."), h("p", {}, h("a", { class: "main", href: "/" }, "To the clips and libraries")));
    return undefined;
  }
  root.append(usable.length > 1 ? h("label", { class: "from" }, "of ", select) : "", place);
  const load = telling(async () => {
    const { picks } = await get(at("api", "libraries", library.id, "picks"));
    fill(place, picks.length ? table(library, picks, load) : none());
  });
  select.addEventListener("change", () => {
    library = usable.find((one) => one.id === select.value);
    history.replaceState(null, "", `/picks?${new URLSearchParams({ library: library.id })}`);
    load();
  });
  const stop = on("changed", ({ what }) => { if (what === "picks" || what === null) load(); }); // first: none is missed
  await load();
  return stop;
}

function none() {
  return h("p", { class: "soft" }, "Nothing is picked yet: on the page of a clip, press the number of a track, or its button \u201cPick\u201d.");
}

function table(library, picks, load) {
  const file = (suffix, text) => h("a", { href: `${at("media", "picks", library.id)}.${suffix}`, download: true }, text);
  const head = ["Clip", "Track", "Section", "Picked", ""].map((name) => h("th", { scope: "col" }, name || h("span", { class: "hidden" }, "What to do")));
  return [
    h("p", { class: "acts" }, file("m3u8", "Playlist (M3U8)"), file("csv", "Cue sheet (CSV)")),
    h("table", {}, h("caption", { class: "hidden" }, "Picks, newest first"), h("thead", {}, h("tr", {}, head)), h("tbody", {}, picks.map((pick) => row(library, pick, load)))),
  ];
}

function row(library, pick, load) {
  const { clip, track } = pick;
  const undo = telling(async () => {
    await remove(at("api", "libraries", library.id, "picks", pick.id));
    say(`${track.title} is no longer picked for ${clip.name}.`);
    await load();
  });
  const address = addressOf({ ...pick.settings, clip: clip.id, library: library.id, track: track.id, in: String(pick.in_s) });
  return h("tr", {},
    h("td", { "data-name": "Clip" }, h("b", {}, clip.name), clip.duration_s > 0 && h("span", { class: "soft" }, ` ${clock(clip.duration_s)}`)),
    h("td", { "data-name": "Track" }, h("b", {}, track.title), h("span", { class: "soft by", title: track.path }, track.artist ?? track.path), track.gone && h("span", { class: "fault" }, track.gone)),
    h("td", { "data-name": "Section" }, `${precise(pick.in_s)}\u2013${precise(pick.out_s)}`),
    h("td", { "data-name": "Picked", class: "soft" }, h("time", { datetime: pick.at }, moment(pick.at))),
    h("td", { class: "acts" }, h("a", { href: address, "aria-label": `Open ${track.title} under ${clip.name}` }, "Open"),
      h("a", { href: `${address}#export`, "aria-label": `Export ${track.title} under ${clip.name}` }, "Export\u2026"),
      button("Undo", undo, { class: "quiet", "aria-label": `Undo the pick of ${track.title} for ${clip.name}` })));
}
