// What happened, in one line at the foot of the page: read aloud, gone after a while unless it is a fault.

import { button, fill } from "./dom.js";

const SHOWN_MS = 8000;
let timer = 0;

/** Say a line; `[name, action]` offers a way back. */
export function say(line, [name, action] = []) {
  clearTimeout(timer);
  hush();
  const done = () => { hush(); action(); };
  fill(place("said"), line, action && button(name, done, { class: "link" }));
  timer = setTimeout(() => fill(place("said")), SHOWN_MS);
}

/** Say what went wrong; it stays until it is closed or something else is said. Nothing for what was called off. */
export function warn(error) {
  if (error?.name === "AbortError") return;
  console.info(error);
  hush();
  const line = error instanceof Error ? error.message : String(error);
  const inside = document.querySelector("dialog[open] .dialog-wrong"); // what lies beside an open dialog is out of reach
  if (inside) fill(inside, line); else fill(place("wrong"), line, button("Close", hush, { class: "link" }));
}

export function hush() {
  for (const line of [place("said"), place("wrong"), ...document.querySelectorAll(".dialog-wrong")]) fill(line);
}

/** A listener that says what goes wrong in it. */
export function telling(action) {
  return async (...given) => {
    try { return await action(...given); } catch (error) { warn(error); return undefined; }
  };
}

const place = (id) => document.getElementById(id);
