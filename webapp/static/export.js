// Taking the shown track to an editing program, exactly as it is shown.

import { finished, post } from "./api.js";
import { button, dialog, field, fill, h } from "./dom.js";
import { bytes, far, precise } from "./format.js";
import { telling } from "./told.js";

const KEPT = "cliptune-formats";
const FIRST = ["otio"];
const MOST = 10; // alternatives

/** A dialog that takes something home. `about`: {title, told: what, inside: further fields, also: what lies beside}; `ask(formats)` starts it and gives its job. */
export function takeHome(status, { title, told, inside, also }, ask) {
  const before = kept();
  const boxes = status.formats.map((one) => h("input", { type: "checkbox", name: "format", value: one.name, checked: before.includes(one.name) }));
  const send = h("button", { class: "main" }, "Export");
  const result = h("div", { class: "result", "aria-live": "polite" });
  const form = h("form", {}, h("fieldset", {}, h("legend", {}, "For"), h("ul", { class: "formats" }, status.formats.map((one, i) => format(one, boxes[i])))),
    h("p", { class: "soft" }, also), inside, h("div", { class: "acts" }, send), result);
  const box = dialog(title, h("p", {}, told), form);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    telling(run)(boxes.filter((one) => one.checked).map((one) => one.value));
  });

  async function run(formats) {
    keep(formats);
    send.disabled = true;
    try {
      fill(result, ...written(await finished(await ask(formats), (one) => fill(result, progress(one)))));
      result.scrollIntoView({ block: "nearest" });
      result.firstChild.focus();
    } catch (error) {
      fill(result, h("p", { class: "fault" }, error.message));
      if (!box.isConnected) throw error;
    } finally { send.disabled = false; }
  }
  return box;
}

/** What a dialog lets be taken along or left out. */
export function extras(names) {
  const [preview, marks] = ["preview", "marks"].map((name) => h("input", { type: "checkbox", name, checked: name === "marks" }));
  const inside = [h("label", { class: "check" }, marks, h("span", {}, names)), h("label", { class: "check" }, preview, h("span", {}, "The preview film, too"))];
  return { inside, values: () => ({ preview: preview.checked, marks: marks.checked }) };
}

/** `shown`: {state, card, others: cards ranked beside it}. */
export function exportDialog(status, { state, card, others }) {
  const most = Math.min(MOST, others.length);
  const alternatives = h("input", { type: "number", name: "alternatives", min: 0, max: most, step: 1, value: Math.min(3, most) });
  const more = extras("Beats and cuts as markers");
  const about = {
    title: `Export ${card.track.title}`, told: settings(state, card),
    also: "The music alone (the stem) always lies beside, as WAV from the clip\u2019s first picture on.",
    inside: [h("div", { class: "grid" }, field("Alternatives", alternatives, "further tracks of the list, muted below")), ...more.inside],
  };
  return takeHome(status, about, async (formats) => {
    const also = others.slice(0, Number(alternatives.value)).map((one) => ({ track: one.track.track, in: one.at }));
    return (await post("/api/exports", { ...card.of, in: card.at, ...state.sound(), formats, alternatives: also, ...more.values() })).job;
  });
}

function format(one, input) {
  return h("li", {}, h("label", { class: "check" }, input, h("span", {}, h("b", {}, one.name), ` ${one.help} `, h("span", { class: "soft" }, `(${one.suffix})`),
    h("span", { class: "hint" }, one.loses ? `loses: ${one.loses}` : "loses nothing"))));
}

/** What goes out, in words: the section and all that was set. */
function settings(state, card) {
  const { fit, lufs, speech_lu, mute_clip } = state.sound();
  const told = fit && !card.isLaid ? [] : [card.use]; // what a cut takes is known when it is made
  if (fit) told.push(fit === "clip" ? "cut to the clip\u2019s length" : `cut to ${precise(Number(fit))}`);
  if (lufs) told.push(`${lufs} LUFS`);
  if (speech_lu) told.push(`${speech_lu} LU below speech`);
  if (mute_clip) told.push("clip muted");
  return `As it is shown: ${told.join(", ").replaceAll("-", "\u2212")}.`;
}

function progress(job) {
  return h("p", {}, job.state === "waiting" ? "waiting for its turn" : `${job.verb || "working"}${far(job)}`);
}

function written({ folder, files, remarks, archive }) {
  const link = (url, name) => h("a", { href: url, download: true }, name);
  return [
    h("h3", { tabindex: "-1" }, "Written"),
    h("p", { class: "path" }, folder, " ", button("Copy", (event) => copy(folder, event.target), { class: "link", "aria-label": "Copy the name of the folder" })),
    h("ul", { class: "files" }, files.map((one) => h("li", {}, link(one.url, one.name), " ", h("span", { class: "soft" }, bytes(one.size_bytes))))),
    archive && h("p", {}, link(archive, "All of them in one archive")),
    ...remarks.map((line) => h("p", { class: "remark" }, line)),
  ];
}

async function copy(text, pressed) {
  await navigator.clipboard.writeText(text).then(() => fill(pressed, "Copied"), () => fill(pressed, "Not allowed here"));
}

function kept() {
  try { return JSON.parse(localStorage.getItem(KEPT)) ?? FIRST; } catch { return FIRST; }
}

function keep(formats) {
  try { localStorage.setItem(KEPT, JSON.stringify(formats)); } catch { /* a browser that keeps nothing asks again */ }
}
