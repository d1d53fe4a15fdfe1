// Libraries: what they hold, and the work on them.

import { at, get, post } from "./api.js";
import { button, dialog, field, fill, h } from "./dom.js";
import { browse } from "./folders.js";
import { bytes, count, libraryName, moment } from "./format.js";
import { JobRow } from "./jobs.js";
import { say, telling } from "./told.js";

const PAGE = 50;
const BUILT_IN = "builtin"; // is there without being chosen

export class Libraries {
  #list = h("ul", { class: "libraries", "aria-label": "Libraries" });
  #ends = new Map(); // library -> what came of its last work
  #rows = new Map(); // job -> JobRow
  #reported = new Set();
  #made = []; // libraries that were begun here: {id, name, job}
  #known = [];

  /** `told(libraries)` hears of them whenever they are looked at. */
  constructor(status, told) {
    this.status = status;
    this.told = told;
    const make = status.folders.music
      ? button("New library\u2026", () => this.#create(), { class: "quiet" })
      : h("span", { class: "soft" }, "No folder of music may be looked into: `recommend app --help` says how to allow one.");
    this.element = h("section", { "aria-labelledby": "libraries" }, h("div", { class: "found-head" }, h("h2", { id: "libraries" }, "Libraries"), make), this.#list);
  }

  async load() {
    const { libraries } = await get("/api/libraries");
    this.#known = libraries;
    for (const one of libraries) if (one.job) this.#follow(one);
    const coming = this.#made.filter((one) => this.#rows.has(one.job) && !libraries.some(({ id }) => id === one.id));
    const focused = document.activeElement?.dataset.key;
    const cards = [...libraries.map((one) => this.#card(one)), ...coming.map((one) => this.#coming(one))];
    fill(this.#list, cards.length ? cards : this.#first());
    if (focused) this.#list.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
    this.told(libraries);
  }

  #first() {
    return h("li", { class: "library" }, h("p", {}, "No library yet. A library is what this app knows of a music folder: how every track feels, its tempo, key and sections. The music stays where it is."),
      this.status.folders.music && button("Add a music folder\u2026", () => this.#create(), { class: "main" }));
  }

  /** One that is not there yet, but is on its way. */
  #coming(one) {
    return h("li", { class: "library" }, h("h3", {}, one.name), this.#rows.get(one.job).element);
  }

  #card(one) {
    const work = one.job && this.#rows.get(one.job);
    const end = this.#ends.get(one.id);
    const holds = [count(one.music, "track"), one.clips > 0 && count(one.clips, "clip"), bytes(one.size_bytes), one.model && `model ${one.model}`].filter(Boolean).join(" \u00b7 ");
    return h("li", { class: "library" }, h("h3", {}, libraryName(one)), h("p", { class: "path soft" }, one.path),
      one.error ? h("p", { class: "fault" }, one.error) : h("p", {}, holds),
      one.roots.length > 0 && h("ul", { class: "roots", "aria-label": `Folders of ${libraryName(one)}` }, one.roots.map((root) => h("li", { class: "path" }, root))),
      one.failures > 0 && this.#failures(one), work?.element, end && h("div", { class: "end", role: "status" }, end.map((line) => h("p", { class: "remark" }, line))),
      !one.error && h("div", { class: "acts" }, this.#acts(one)));
  }

  #acts(one) {
    const busy = Boolean(one.job);
    const of = (word) => ({ disabled: busy, "aria-label": `${word} ${libraryName(one)}`, "data-key": `${word}-${one.id}` });
    const path = (last) => at("api", "libraries", one.id, last);
    return [
      this.status.folders.music && button("Add a folder\u2026", () => browse("music", { title: `Add to ${libraryName(one)}`, choose: (folder) => this.#start(one, post(path("folders"), { folder: folder.id })) }), of("Add a folder to")),
      one.roots.length > 0 && button("Update\u2026", () => this.#update(one), of("Update")),
      button("Verify", telling(() => this.#start(one, post(path("verify")))), of("Verify")),
    ];
  }

  #update(one) {
    const [retry, prune] = ["retry", "prune"].map((name) => h("input", { type: "checkbox", name }));
    const check = (input, text, hint) => h("label", { class: "check" }, input, h("span", {}, text, h("span", { class: "hint" }, hint)));
    const go = telling(async () => {
      box.close();
      await this.#start(one, post(at("api", "libraries", one.id, "update"), { retry: retry.checked, prune: prune.checked }));
    });
    const box = dialog(`Update ${libraryName(one)}`, h("p", {}, "Looks through its folders for what is new or was changed."),
      check(retry, "Try again what failed", `${count(one.failures, "file")} so far`), check(prune, "Forget what is gone", "files that are no longer there"),
      h("div", { class: "acts" }, button("Update", go, { class: "main" })));
  }

  #create() {
    const name = h("input", { type: "text", name: "name", required: true, maxlength: 60, value: this.#known.length ? "" : "default", autocomplete: "off", pattern: "[A-Za-z0-9][A-Za-z0-9 ._\\-]*", title: "letters, digits, spaces, dots and hyphens" });
    const model = h("select", { name: "model" }, h("option", { value: "" }, "the built-in one"));
    get("/api/models").then(({ models }) => model.append(...models.filter((one) => one.reads === "media" && one.name !== BUILT_IN).map((one) => h("option", { value: one.name }, one.name))), () => {});
    const choose = async (folder) => {
      if (!name.reportValidity()) throw new Error("Give the library a name first: letters, digits, spaces, dots and hyphens.");
      const made = await post("/api/libraries", { name: name.value.trim(), folder: folder.id, ...(model.value ? { model: model.value } : {}) });
      const one = { id: made.library, name: name.value.trim(), roots: [], job: made.job };
      this.#made.push(one);
      this.#follow(one);
      await this.load();
    };
    browse("music", { title: "New library", choose, fields: h("div", { class: "grid" }, field("Name", name), field("Model", model)) });
  }

  async #start(one, sent) {
    this.#ends.delete(one.id);
    const { job } = await sent;
    this.#follow({ ...one, job });
    await this.load();
  }

  /** Show how far the work on a library is, and at its end what came of it. */
  #follow(one) {
    if (this.#rows.has(one.job) || this.#reported.has(one.job)) return;
    const row = new JobRow(one.job, `Work on ${libraryName(one)}`, (job) => this.#end(one, job));
    this.#rows.set(one.job, row);
    get(at("api", "jobs", one.job)).then((job) => row.see(job), () => {});
  }

  #end(one, job) {
    this.#rows.delete(job.id);
    this.#reported.add(job.id);
    this.#ends.set(one.id, came(job));
    if (job.state === "done") say(`${libraryName(one)}: ${came(job)[0]}`);
    telling(() => this.load())();
  }

  #failures(one) {
    const place = h("div");
    const more = telling(async (offset) => {
      const { total, failures } = await get(at("api", "libraries", one.id, "failures"), { offset, limit: PAGE });
      const rows = failures.map((f) => h("li", {}, h("span", { class: "path" }, f.path), h("span", { class: "soft" }, ` ${f.reason}`), h("span", { class: "hint" }, f.at ? moment(f.at) : "")));
      place.querySelector("button")?.remove();
      const list = place.querySelector("ul") ?? place.appendChild(h("ul", { class: "failures" }));
      list.append(...rows);
      if (list.children.length < total) place.append(button(`Show more (${total - list.children.length})`, () => more(list.children.length), { class: "link" }));
    });
    return h("details", { on: { toggle: (event) => { if (event.target.open && !place.children.length) more(0); } } }, h("summary", {}, `${count(one.failures, "file")} could not be read`), place);
  }
}

/** What came of some work, a line each. */
function came({ state, error, result }) {
  if (state === "cancelled") return ["Cancelled; what was finished is kept."];
  if (state === "failed") return [error];
  if (result?.problems) return [...(result.problems.length ? result.problems : ["Verified: nothing is wrong."]), ...(result.lines ?? [])];
  const told = ["analysed", "unchanged", "failed", "removed"].filter((name) => result?.[name]).map((name) => `${result[name]} ${name}`);
  return [`${count(result?.files ?? 0, "file")}: ${told.join(", ") || "nothing new"}.`, ...(result?.lines ?? []).filter((line) => !/^\d+ files?,/.test(line))];
}
