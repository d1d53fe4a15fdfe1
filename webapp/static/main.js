// One shell for all pages: the address chooses the view, which is loaded when it is asked for.

import { get, isOver, on } from "./api.js";
import { fill, h } from "./dom.js";
import { percent } from "./format.js";
import { warn } from "./told.js";

const VIEWS = {
  "/": ["Home", () => import("./home.js")],
  "/answer": ["Music for a clip", () => import("./answer.js")],
  "/film": ["Music for a whole film", () => import("./film.js")],
  "/picks": ["Picks", () => import("./picks.js")],
  "/models": ["Models", () => import("./models.js")],
  "/benchmarks": ["Benchmarks", () => import("./benchmarks.js")],
};
const LONG_WORK = { add: "indexing", update: "updating", verify: "verifying" };

async function open() {
  const path = location.pathname.replace(/(.)\/$/, "$1");
  const [title, load] = VIEWS[path] ?? ["Not found", null];
  document.title = `${title} \u00b7 cliptune`;
  for (const link of document.querySelectorAll("header nav a")) {
    if (link.getAttribute("href") === path) link.setAttribute("aria-current", "page");
  }
  const root = document.getElementById("main");
  if (!load) {
    fill(root, h("h1", {}, "There is no such page"), h("p", {}, h("a", { href: "/" }, "To the clips and libraries")));
    return;
  }
  fill(root, h("h1", {}, title), h("p", { class: "busy", role: "status" }, "Opening\u2026"));
  try {
    const view = await load();
    await view.show(root, new URLSearchParams(location.search));
  } catch (error) {
    root.querySelector(".busy")?.replaceChildren();
    warn(error);
  }
}

/** What works on for long, on every page. */
function watch() {
  const running = new Map();
  const see = (job) => {
    if (!(job.kind in LONG_WORK)) return;
    if (isOver(job)) running.delete(job.id); else running.set(job.id, job);
    const first = [...running.values()].find((one) => one.state === "running") ?? [...running.values()][0];
    fill(document.getElementById("work"), first && h("a", { href: "/" }, line(first, running.size)));
  };
  on("job", see);
  get("/api/jobs").then(({ jobs }) => jobs.forEach(see), () => {});
}

function line(job, all) {
  const share = job.total > 1 ? ` ${percent(job.done / job.total)}` : "";
  return `${LONG_WORK[job.kind]} ${job.about.name || "a library"}${share}${all > 1 ? ` (and ${all - 1} more)` : ""}`;
}

watch();
open();
