// How clip and section feel over time, on the clip's clock: the curves of `recommend --report`, drawn here.

import { h, svg } from "./dom.js";
import { signed } from "./format.js";

const [WIDE, HIGH] = [1000, 100];
const DIMENSIONS = [
  { key: "arousal", name: "Energy", top: "energetic", bottom: "calm" },
  { key: "valence", name: "Pleasantness", top: "pleasant", bottom: "unpleasant" },
];

/** Two figures side by side. `shift`: where second 0 of the music's moments lies on the clip, in seconds. */
export function arcs({ picture, music, shift, duration, speech }) {
  return h("div", { class: "arcs" }, DIMENSIONS.map((one) => figure(one, { picture, music, shift, duration, speech })));
}

function figure(one, { picture, music, shift, duration, speech }) {
  const told = [goes("the picture", picture, one.key), goes("the music", music, one.key)].filter(Boolean).join("; ");
  const drawn = svg("svg", { class: "plot", role: "img", viewBox: `0 0 ${WIDE} ${HIGH}`, preserveAspectRatio: "none" },
    svg("title", {}, `${one.name} over time: ${told || "not known"}. \u22121 is ${one.bottom}, +1 is ${one.top}.`),
    speech.map(([from, to]) => shade(from, to, duration)),
    svg("line", { x1: 0, x2: WIDE, y1: HIGH / 2, y2: HIGH / 2, class: "neutral" }),
    course(picture, one.key, { duration, shift: 0, kind: "picture" }),
    course(music, one.key, { duration, shift, kind: "music" }));
  return h("figure", {}, h("figcaption", {}, one.name), h("span", { class: "end top" }, one.top), drawn, h("span", { class: "end bottom" }, one.bottom));
}

/** The curve with its band of one SD; before the middle of the first window and after that of the last it goes on as it is. */
function course(moments, key, { duration, shift, kind }) {
  if (!moments?.length) return [];
  const begins = Math.max(0, moments[0].start_s + shift);
  const ends = Math.min(duration, moments.at(-1).end_s + shift);
  if (ends <= begins) return [];
  const known = moments.map((m) => ({ at: (m.start_s + m.end_s) / 2 + shift, mean: m[key], sd: m[`${key}_sd`] }));
  const points = [{ ...valueAt(known, begins), at: begins }, ...known.filter((p) => p.at > begins && p.at < ends), { ...valueAt(known, ends), at: ends }];
  const x = (p) => (WIDE * p.at / duration).toFixed(1);
  const y = (value) => (HIGH * (1 - Math.min(1, Math.max(-1, value))) / 2).toFixed(1);
  const band = [...points.map((p) => `${x(p)},${y(p.mean + p.sd)}`), ...points.toReversed().map((p) => `${x(p)},${y(p.mean - p.sd)}`)];
  return [
    svg("polygon", { points: band.join(" "), class: `band ${kind}` }),
    svg("path", { d: `M${points.map((p) => `${x(p)} ${y(p.mean)}`).join("L")}`, class: `line ${kind}` }),
  ];
}

function valueAt(known, at) {
  const next = known.findIndex((p) => p.at >= at);
  if (next === 0) return known[0];
  if (next < 0) return known.at(-1);
  const [a, b] = [known[next - 1], known[next]];
  const share = (at - a.at) / (b.at - a.at);
  return { mean: a.mean + share * (b.mean - a.mean), sd: a.sd + share * (b.sd - a.sd) };
}

function shade(from, to, duration) {
  const x = WIDE * from / duration;
  return svg("rect", { x, y: 0, width: Math.max(1, WIDE * (to - from) / duration), height: HIGH, class: "speech" });
}

/** `the picture goes from −0.4 to +0.6, give or take 0.4`. */
function goes(whose, moments, key) {
  if (!moments?.length) return "";
  const values = moments.map((m) => m[key]);
  const unsure = `give or take ${Math.max(...moments.map((m) => m[`${key}_sd`])).toFixed(1)}`;
  if (Math.max(...values) - Math.min(...values) < 0.1) {
    return `${whose} stays at ${signed(values.reduce((a, b) => a + b) / values.length)}, ${unsure}`;
  }
  return `${whose} goes from ${signed(values[0])} to ${signed(values.at(-1))}, ${unsure}`;
}

/** What the lines are. */
export function legend(spoken) {
  const sample = (...inside) => svg("svg", { viewBox: "0 0 40 10", "aria-hidden": "true" }, inside);
  const line = (kind) => sample(svg("path", { d: "M0 5H40", class: `line ${kind}` }));
  return h("p", { class: "legend" },
    h("span", {}, line("picture"), "the picture"), h("span", {}, line("music"), "the music"),
    spoken && h("span", {}, sample(svg("rect", { width: 40, height: 10, class: "speech" })), "somebody speaks"));
}
