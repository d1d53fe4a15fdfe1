// Peaks and beats of tracks, each asked for once.

import { at, get } from "./api.js";
import { COLUMNS } from "./waveform.js";

const known = new Map(); // address -> what came

export async function peaksOf({ library, track }) {
  const path = at("api", "libraries", library, "tracks", track, "peaks");
  if (!known.has(path)) known.set(path, (await get(path, { count: COLUMNS })).peaks);
  return known.get(path);
}

/** Seconds of a track at which a beat falls, and at which a bar begins. */
export async function beatsOf({ library, track }) {
  const path = at("api", "libraries", library, "tracks", track, "beats");
  if (!known.has(path)) known.set(path, await get(path));
  return known.get(path);
}
