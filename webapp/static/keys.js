// Keys of a page. They are for reading, not for fields: in those, and while a dialog is open, they rest.

import { dialog, h } from "./dom.js";

const KEYS = [
  ["space", "play or pause the selected track under the picture"],
  ["\u2191 \u2193", "the track before, the next one; it plays on"],
  ["1 \u2026 9", "pick the track of that rank"],
  ["\u2190 \u2192", "move the section of the selected track by 1 s, with shift by 0.1 s"],
  ["f", "fit the music to the length of the clip, or not"],
  ["c", "hear the clip alone, or with music"],
  ["e", "export the selected track"],
  ["?", "these keys"],
];

/** Listen on the whole page; `meaning(event)` gives what a key does, if anything. */
export function listen(meaning) {
  const heard = (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey || resting(event)) return;
    const act = meaning(event);
    if (!act) return;
    event.preventDefault();
    act();
  };
  document.addEventListener("keydown", heard);
  return () => document.removeEventListener("keydown", heard);
}

/** What a key does on the answer page. `acts`: {toggle, next(step), pick(rank), move(key event), fit, compare, exportIt}. */
export function meant(event, acts) {
  if (/^[1-9]$/.test(event.key)) return () => acts.pick(Number(event.key));
  return {
    " ": acts.toggle, ArrowDown: () => acts.next(1), ArrowUp: () => acts.next(-1), ArrowLeft: () => acts.move(event), ArrowRight: () => acts.move(event),
    f: acts.fit, c: acts.compare, e: acts.exportIt, "?": () => showKeys(),
  }[event.key];
}

/** Whether what has the focus has a use of its own for the key. */
function resting(event) {
  if (document.querySelector("dialog[open]")) return true;
  const on = event.target instanceof Element ? event.target : document.body;
  if (on.closest("input:not([type=checkbox], [type=radio]), select, textarea, [role=listbox]")) return true;
  if (on.closest("input")) return event.key === " " || event.key.startsWith("Arrow");
  if (on.closest("video")) return event.key === " " || event.key.startsWith("Arrow");
  return event.key === " " && on.closest("button, a, summary") !== null;
}

export function showKeys(keys = KEYS) {
  dialog("Keys", h("dl", { class: "keys" }, keys.map(([key, told]) => h("div", {}, h("dt", {}, key.split(" ").map((one) => (one === "\u2026" ? one : h("kbd", {}, one)))), h("dd", {}, told)))));
}
