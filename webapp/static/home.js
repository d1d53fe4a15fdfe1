// The first page: clips that music is looked for, and the libraries it is looked for in.

import { get, on } from "./api.js";
import { Clips } from "./clips.js";
import { fill, h } from "./dom.js";
import { Libraries } from "./libraries.js";
import { telling } from "./told.js";

export async function show(root) {
  const status = await get("/api/status");
  const libraries = new Libraries(status, (all) => clips.offer(all));
  const clips = new Clips(status);
  fill(root, h("h1", {}, "Music for your clips"),
    h("div", { class: "home" }, clips.element, libraries.element));
  const load = telling(async (what) => {
    await Promise.all([what !== "clips" && libraries.load(), what !== "libraries" && clips.load()]);
  });
  const stop = on("changed", ({ what }) => load(what));
  await load(null);
  return stop;
}
