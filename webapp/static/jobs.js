// How far some work is: a bar, its rate, the time left, and a way to stop it.

import { at, isOver, on, remove } from "./api.js";
import { button, fill, h } from "./dom.js";
import { lasting, percent } from "./format.js";
import { telling } from "./told.js";

const LEAST_S = 1.5; // so long is counted before a rate is told

/** A row that follows a job; `over(job)` hears of its end. */
export class JobRow {
  #bar = h("progress", { max: 1 });
  #line = h("span", { class: "soft" });
  #first = null;
  #stop;

  constructor(id, name, over = () => {}) {
    this.#bar.setAttribute("aria-label", name);
    const cancel = button("Cancel", telling(async () => { cancel.disabled = true; await remove(at("api", "jobs", id)); }), { class: "quiet", "aria-label": `Cancel ${name}` });
    this.element = h("div", { class: "job" }, this.#bar, this.#line, cancel);
    this.#stop = on("job", (job) => {
      if (job.id !== id) return;
      this.see(job);
      if (isOver(job)) { this.close(); over(job); }
    });
  }

  close() { this.#stop(); }

  see(job) {
    if (job.total) this.#bar.value = job.done / job.total; else this.#bar.removeAttribute("value");
    fill(this.#line, this.#told(job));
  }

  #told(job) {
    if (job.state === "waiting") return "waiting for its turn";
    const now = performance.now() / 1000;
    if (!this.#first || this.#first.verb !== job.verb || job.done < this.#first.done) this.#first = { at: now, done: job.done, verb: job.verb };
    const span = now - this.#first.at;
    const told = [job.total ? `${job.verb} ${job.done} of ${job.total} (${percent(job.done / job.total)})` : job.verb || "working"];
    if (span > LEAST_S && job.done > this.#first.done && job.total) told.push(`${((job.done - this.#first.done) / span).toPrecision(2)} a second`);
    if (job.left_s) told.push(`${lasting(job.left_s)} left`);
    return told.join(" \u00b7 ");
  }
}
