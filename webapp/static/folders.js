// Looking through the folders of the machine that the app may look into.

import { at, get } from "./api.js";
import { button, dialog, fill, h } from "./dom.js";
import { bytes, count } from "./format.js";
import { telling } from "./told.js";

/** A dialog for a folder of `kind` (music or clips). `choose(folder)`, `chooseFile(file)`: what is done with one. */
export function browse(kind, { title, choose, chooseFile = null, fields = null }) {
  const place = h("div", { class: "browser" });
  const box = dialog(title, fields, place);
  const took = (act, what) => telling(async () => { await act(what); box.close(); })();
  const open = telling(async (id) => {
    place.setAttribute("aria-busy", "true");
    const found = id ? await get(at("api", "folders", id), { kind }) : { folders: (await get("/api/folders", { kind })).folders };
    place.removeAttribute("aria-busy");
    fill(place, ...(id ? inside(found) : roots(found)));
    place.querySelector("[data-first]")?.focus();
  });
  const row = (folder, i) => h("li", {}, button(folder.name, () => open(folder.id), { class: "folder", "data-first": i === 0 }));
  const roots = ({ folders }) => [
    h("p", { class: "soft" }, folders.length ? "Folders that may be looked into:" : "The app was started without a folder to look into; `recommend app --help` says how to name one."),
    h("ul", { class: "rows", "aria-label": "Folders" }, folders.map(row)),
  ];
  const inside = (found) => [
    h("p", { class: "path here", role: "status" }, found.path),
    h("div", { class: "acts" }, button("Up", () => open(found.parent), { "data-first": !found.folders.length }),
      button(kind === "music" ? "Take this folder" : "Take all in this folder", () => took(choose, found), { class: "main", disabled: kind === "clips" && !found.files.length })),
    h("ul", { class: "rows", tabindex: "0", "aria-label": `In ${found.name}` }, found.folders.map(row), found.files.map(file)),
    (found.more > 0) && h("p", { class: "soft" }, `and ${count(found.more, "more file")}`),
    !found.folders.length && !found.files.length && h("p", { class: "soft" }, `Nothing here: no folders, no ${kind}.`),
  ];
  const file = (one) => h("li", { class: "file" }, chooseFile ? button(one.name, () => took(chooseFile, one), { class: "folder-file" }) : h("span", {}, one.name), h("span", { class: "soft" }, bytes(one.size_bytes)));
  open(null);
  return box;
}
