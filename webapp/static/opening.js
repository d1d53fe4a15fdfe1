// What the pages of a clip have in common before they show it.

import { at, finished, get, on } from "./api.js";
import { fill, h } from "./dom.js";
import { far } from "./format.js";
import { telling, warn } from "./told.js";

/** Say why there is nothing to show. */
export function lost(root, title, line) {
  fill(root, h("h1", {}, title), h("p", {}, line), h("p", {}, h("a", { class: "main", href: "/" }, "To the clips and libraries")));
}

/** The clip as soon as it can be played; undefined where there is none. */
export async function ready(root, clip) {
  if (clip?.state === "looking" && clip.job) {
    await finished(clip.job, (job) => fill(root.querySelector(".busy"), `Looking at ${clip.name}${far(job)}`)).catch(() => {});
  }
  const found = clip && await get(at("api", "clips", clip.id));
  if (found?.state === "failed") throw new Error(found.error);
  return found;
}

/** Wait for what browsers play of a clip; one that they do not play is copied first. `stops` takes what ends the waiting. */
export function filmed(clip, player, stops) {
  if (clip.film) return Promise.resolve();
  return new Promise((resolve) => {
    const look = telling(async () => {
      const found = await get(at("api", "clips", clip.id));
      if (!found.film && !found.error) return;
      player.know(found);
      if (found.error) warn(`${found.name}: ${found.error}`);
      resolve();
    });
    player.say("Making a copy that browsers play\u2026");
    stops.push(on("changed", look), on("job", (job) => {
      if (job.kind === "film" && job.about.clip === clip.id && !player.clip.film) player.say(`Making a copy that browsers play${far(job)}`);
    }));
    look();
  });
}
