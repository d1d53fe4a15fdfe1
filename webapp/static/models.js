// The models at hand: what each reads, and its card.

import { at, get } from "./api.js";
import { fill, h } from "./dom.js";
import { count } from "./format.js";
import { rendered } from "./markdown.js";
import { dressed } from "./research.js";
import { warn } from "./told.js";

const KINDS = [["packaged", "In the package"], ["imported", "Imported"], ["checkpoint", "Published checkpoints"]];

export async function show(root, params) {
  const [{ models }] = await Promise.all([get("/api/models"), dressed()]);
  const chosen = models.find((one) => one.name === params.get("model")) ?? models.find((one) => !one.error);
  const card = h("article", { class: "sheet" });
  const groups = KINDS.map(([kind, title]) => group(title, models.filter((one) => one.kind === kind), chosen));
  fill(root, h("h1", {}, "Models"), h("div", { class: "research" }, h("nav", { "aria-label": "Models" }, groups), card));
  if (!chosen) return fill(card, h("p", {}, "There is no model here."));
  document.title = `${chosen.name} \u00b7 Models \u00b7 cliptune`;
  if (chosen.error) return fill(card, h("h2", {}, chosen.name), h("p", { class: "fault" }, chosen.error));
  try {
    const told = await get(at("api", "models", chosen.name));
    return fill(card, h("p", { class: "soft" }, facts(chosen)), rendered(told.card));
  } catch (error) {
    fill(card, h("h2", {}, chosen.name));
    return warn(error);
  }
}

function group(title, models, chosen) {
  if (!models.length) return [];
  const link = (one) => h("a", { href: `/models?${new URLSearchParams({ model: one.name })}`, "aria-current": one === chosen && "page" }, h("b", {}, one.name), " ", h("span", { class: "soft" }, state(one)));
  return [h("h2", {}, title), h("ul", {}, models.map((one) => h("li", {}, link(one))))];
}

function state(one) {
  if (one.error) return "cannot be used";
  if (one.kind === "checkpoint") return one.present ? "here" : `not here, ${one.size_mb} MB`;
  return `reads ${one.reads}`;
}

function facts(one) {
  if (one.kind !== "checkpoint") return `Revision ${one.revision}, ${count(one.dim, "dimension")}, reads ${one.reads}.`;
  return one.present ? `${one.licence}.` : `${one.licence}; fetch it by: recommend models pull ${one.name}`;
}
