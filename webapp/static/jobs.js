// How far some work is: a bar, its rate, the time left, and a way to stop it.

import { at, get, isOver, on, remove } from "./api.js";
import { button, fill, h } from "./dom.js";
import { lasting, percent } from "./format.js";
import { telling } from "./told.js";

/** A row that follows a job; `over(job)` hears of its end. */
export class JobRow {
  #bar = h("progress", { max: 1 });
  #line = h("span", { class: "soft" });
  #stop;

  constructor(id, name, over = () => {}) {
    this.#bar.setAttribute("aria-label", name);
    const cancel = button("Cancel", telling(async () => { cancel.disabled = true; await remove(at("api", "jobs", id)); }), { class: "quiet", "aria-label": `Cancel ${name}` });
    this.element = h("div", { class: "job" }, this.#bar, this.#line, cancel);
    this.#stop = on("job", (job) => {
      if (job.id !== id) return;
      this.see(job);
      if (!isOver(job)) return;
      this.close();
      get(at("api", "jobs", id)).then(over, () => over(job)); // events tell of results, but not what they are
    });
  }

  close() { this.#stop(); }

  see(job) {
    if (job.total > 1) this.#bar.value = job.done / job.total; else this.#bar.removeAttribute("value");
    fill(this.#line, told(job));
  }
}

/** `analysing 25 of 44 (57 %) · 1.9 a second · 10 s left`. */
function told(job) {
  if (job.state === "waiting") return "waiting for its turn";
  const counted = job.total > 1 && job.done > 0;
  return [
    `${job.verb || "working"}${job.total > 1 ? ` ${job.done} of ${job.total}` : ""}${job.total > 1 ? ` (${percent(job.done / job.total)})` : ""}`,
    counted && job.rate && `${job.rate.toPrecision(2)} a second`, counted && job.left_s && `${lasting(job.left_s)} left`,
  ].filter(Boolean).join(" \u00b7 ");
}
