// Peaks of tracks, each asked for once.

import { at, get } from "./api.js";
import { COLUMNS } from "./waveform.js";

const known = new Map(); // address -> peaks

export async function peaksOf({ library, track }) {
  const path = at("api", "libraries", library, "tracks", track, "peaks");
  if (!known.has(path)) known.set(path, (await get(path, { count: COLUMNS })).peaks);
  return known.get(path);
}
