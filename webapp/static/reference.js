// A reference track, alone or blended with the clip: looked for in the library as one types.

import { at, get } from "./api.js";
import { group } from "./controls.js";
import { button, field, fill, h, newId } from "./dom.js";
import { baseName, percent } from "./format.js";
import { telling } from "./told.js";

const [MOST, PAUSE_MS, EVEN] = [8, 250, 0.5];

export function reference(state) {
  let known = null; // of the track in the state
  const weight = h("input", { type: "range", name: "like_weight", min: 0, max: 1, step: 0.05 });
  const shares = h("span", { class: "hint" });
  const chosen = h("div", { class: "chosen" });
  const search = finder(state, (track) => { known = track; state.set({ like: track.track }); });
  const tell = () => fill(shares, `clip ${percent(1 - weight.value)}, reference ${percent(weight.value)}`);
  weight.addEventListener("input", tell);
  weight.addEventListener("change", () => state.set({ like_weight: Number(weight.value) === EVEN ? null : weight.value }));
  const name = () => (String(known?.track) === state.get("like") ? known.title : "chosen");
  const made = group("Reference track", [search, chosen], () => (state.get("like") ? name() : "none"));
  const show = () => {
    const like = state.get("like");
    weight.value = state.get("like_weight") ?? EVEN;
    tell();
    fill(chosen, ...(like ? [
      h("p", {}, h("b", {}, name()), known?.artist ? ` \u00b7 ${known.artist}` : "", " ", button("Remove", () => state.set({ like: null, like_weight: null }), { class: "link", "aria-label": `Remove the reference ${name()}` })),
      field("Weight", weight), shares] : []));
    made.update();
  };
  state.addEventListener("query", show);
  show();
  if (state.get("like")) {
    get(at("api", "libraries", state.library, "tracks", state.get("like"))).then((track) => { known = track; show(); }, () => {});
  }
  return { ...made, update: () => made.update() };
}

/** A field that offers tracks: arrows go through them, Enter takes one, Escape closes. */
function finder(state, take) {
  const id = newId("found");
  const input = h("input", {
    type: "search", role: "combobox", "aria-expanded": "false", "aria-controls": id, "aria-autocomplete": "list", autocomplete: "off", name: "reference", placeholder: "title, artist or file",
  });
  const list = h("ul", { id, role: "listbox", "aria-label": "Tracks found", hidden: true });
  let [found, here, timer, asked] = [[], -1, 0, 0];
  const close = () => { list.hidden = true; input.setAttribute("aria-expanded", "false"); input.removeAttribute("aria-activedescendant"); };
  const choose = (track) => { input.value = ""; close(); take(track); };
  const point = (to) => {
    here = found.length ? (to + found.length) % found.length : -1;
    [...list.children].forEach((one, i) => one.setAttribute("aria-selected", String(i === here)));
    if (here >= 0) { input.setAttribute("aria-activedescendant", list.children[here].id); list.children[here].scrollIntoView({ block: "nearest" }); }
  };
  const look = telling(async () => {
    const now = (asked += 1);
    const text = input.value.trim();
    const answer = text ? await get(at("api", "libraries", state.library, "tracks"), { search: text, limit: MOST }) : { tracks: [] };
    if (now !== asked || document.activeElement !== input) return;
    found = answer.tracks;
    fill(list, found.map((track, i) => option(track, `${id}-${i}`, () => choose(track))), text && !found.length && h("li", { class: "none", role: "option", "aria-disabled": "true", "aria-selected": "false" }, "no track is called so"));
    list.hidden = !text;
    input.setAttribute("aria-expanded", String(!list.hidden));
    here = -1;
  });
  input.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(look, PAUSE_MS); });
  input.addEventListener("blur", close);
  input.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown") point(here + 1);
    else if (event.key === "ArrowUp") point(here < 0 ? -1 : here - 1);
    else if (event.key === "Enter" && found[Math.max(0, here)] && !list.hidden) choose(found[Math.max(0, here)]);
    else if (event.key === "Escape" && !list.hidden) close();
    else return;
    event.preventDefault();
  });
  return h("div", { class: "finder" }, field("Look for", input), list);
}

function option(track, id, choose) {
  // Before the field loses the focus, which closes the list.
  return h("li", { id, role: "option", "aria-selected": "false", on: { pointerdown: (event) => { event.preventDefault(); choose(); } } },
    track.title, h("span", { class: "soft" }, ` ${track.artist ?? baseName(track.path)}`));
}
