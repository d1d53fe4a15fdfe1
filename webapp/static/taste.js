// The owner's taste above a list: whether it is gone by, what it likes, a switch; what was chosen last is remembered.

import { fill, h } from "./dom.js";
import { count } from "./format.js";

const KEPT = "taste";

/** A line that `show(told)` fills, as answers tell it. Where the address says nothing, what was chosen last holds. */
export function taste(state) {
  if (state.get("taste") === null && remembered() === "false") state.set({ taste: "false" });
  const input = h("input", { type: "checkbox", name: "taste" });
  const words = h("span", { class: "soft" });
  const element = h("label", { class: "check taste", hidden: true }, input, h("span", {}, h("b", {}, "Your taste"), words));
  input.addEventListener("change", () => {
    remember(String(input.checked));
    state.set({ taste: String(input.checked) });
  });
  const show = (told) => {
    element.hidden = !told;
    if (!told) return;
    input.checked = state.get("taste") !== "false";
    const likes = told.likes.length ? `: ${told.likes.join(", ")}` : "";
    fill(words, told.why_not ? ` is left out: ${told.why_not}` : `${likes} \u00b7 learnt from ${count(told.films, "film")}${told.applied ? "" : ", left out here"}`);
  };
  return { element, show };
}

function remembered() {
  try { return localStorage.getItem(KEPT); } catch { return null; }
}

function remember(value) {
  try { localStorage.setItem(KEPT, value); } catch { /* a browser that keeps nothing goes by the address */ }
}
