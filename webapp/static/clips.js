// Clips: dropped, chosen from disk or from a folder of the machine; several are a queue.

import { at, get, post, remove, upload } from "./api.js";
import { button, fill, h } from "./dom.js";
import { filesOf } from "./dropped.js";
import { browse } from "./folders.js";
import { bytes, libraryName, percent } from "./format.js";
import { JobRow } from "./jobs.js";
import { measures } from "./reading.js";
import { filmAddress } from "./state.js";
import { say, telling, warn } from "./told.js";

const AT_ONCE = 2;
const LONG_S = 40; // of a clip that is likely a film of several scenes
const TAKEN = "video/*,image/*,.mkv,.webm,.avi,.mov,.mp4,.m4v,.gif";

export class Clips {
  #list = h("ul", { class: "clips", "aria-label": "Clips" });
  #uploads = h("ul", { class: "clips", "aria-label": "Being taken" });
  #none = h("p", { class: "soft" }, "No clip yet.");
  #library = h("select", { name: "library" });
  #from = h("label", { class: "from", hidden: true }, "Look for music in ", this.#library);
  #clips = [];
  #rows = new Map(); // clip -> JobRow
  #waiting = [];
  #running = 0;

  constructor(status) {
    this.status = status;
    const input = h("input", { type: "file", multiple: true, accept: TAKEN, hidden: true });
    input.addEventListener("change", () => { this.take([...input.files]); input.value = ""; });
    const folder = status.folders.clips && button("From a folder of this machine\u2026", () => this.#browse());
    const zone = h("div", { class: "drop" }, h("p", {}, h("b", {}, "Drop clips here"), h("span", { class: "soft" }, ` films, animations or pictures, up to ${bytes(status.limits.upload_bytes)} each`)),
      h("div", { class: "acts" }, button("Choose files\u2026", () => input.click(), { class: "main" }), folder), input);
    this.element = h("section", { "aria-labelledby": "clips" }, h("div", { class: "found-head" }, h("h2", { id: "clips" }, "Clips"), this.#from), zone, this.#uploads, this.#none, this.#list);
    this.#library.addEventListener("change", () => this.#show());
    this.#drop(zone);
  }

  /** Libraries that music can be looked for in. */
  offer(libraries) {
    const usable = libraries.filter((one) => !one.error && one.music);
    const before = this.#library.value;
    fill(this.#library, usable.map((one) => h("option", { value: one.id, selected: one.id === before }, libraryName(one))));
    this.#from.hidden = usable.length < 2;
    this.#show();
  }

  async load() {
    this.#clips = (await get("/api/clips")).clips;
    this.#show();
  }

  /** Take files, two at a time, in order. */
  take(files) {
    for (const file of files) {
      const row = h("li", { class: "clip" }, h("div", {}, h("b", { class: "name" }, file.name), h("p", { class: "soft" }, "waiting")));
      this.#uploads.append(row);
      this.#waiting.push({ file, row });
    }
    this.#next();
  }

  #next() {
    while (this.#running < AT_ONCE && this.#waiting.length) this.#send(this.#waiting.shift());
  }

  async #send({ file, row }) {
    this.#running += 1;
    const bar = h("progress", { max: 1, value: 0, "aria-label": `Taking ${file.name}` });
    const line = h("span", { class: "soft" });
    const sent = upload(file, (done, all) => { bar.value = all ? done / all : 1; fill(line, `${bytes(done)} of ${bytes(all)} (${percent(all ? done / all : 1)})`); });
    row.firstChild.lastChild.replaceWith(h("div", { class: "job" }, bar, line, button("Cancel", sent.cancel, { class: "quiet", "aria-label": `Cancel ${file.name}` })));
    try {
      const clip = await sent.done;
      row.remove();
      this.#clips = [...this.#clips.filter((one) => one.id !== clip.id), clip];
      this.#show();
    } catch (error) {
      if (error.name === "AbortError") row.remove();
      else row.firstChild.lastChild.replaceWith(h("p", { class: "fault", role: "alert" }, error.message, " ", button("Close", () => row.remove(), { class: "link" })));
    } finally {
      this.#running -= 1;
      this.#next();
    }
  }

  #show() {
    this.#none.hidden = this.#clips.length > 0;
    for (const row of this.#rows.values()) row.close();
    this.#rows.clear();
    const focused = document.activeElement?.dataset.key;
    fill(this.#list, this.#clips.map((clip) => this.#row(clip)));
    if (focused) this.#list.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
  }

  /** Offered beside the answer where a clip is long, in a small way where it is short. */
  #whole(clip) {
    if (!this.#library.value || clip.state !== "ready" || clip.still) return null;
    const long = clip.duration_s > LONG_S;
    return h("a", { class: long ? "main second" : "small", href: filmAddress(clip, { library: this.#library.value }), "data-key": `film-${clip.id}`, "aria-label": `Score the whole film: ${clip.name}` }, long ? "Score the whole film" : "Score it as a film");
  }

  #row(clip) {
    const picture = clip.pictures ? h("img", { src: at("media", "clips", clip.id, "pictures", Math.floor(clip.pictures / 2)), alt: "", loading: "lazy" }) : h("span", { class: "blank", "aria-hidden": "true" });
    const link = this.#library.value && h("a", { class: "main", href: `/answer?${new URLSearchParams({ clip: clip.id, library: this.#library.value })}`, "data-key": `find-${clip.id}`, "aria-label": `Find music for ${clip.name}` }, "Find music");
    const drop = button("Remove", telling(async () => { await remove(at("api", "clips", clip.id)); this.#clips = this.#clips.filter((one) => one !== clip); this.#show(); say(`${clip.name} is no longer here.`); }), { class: "quiet", "aria-label": `Remove ${clip.name}` });
    return h("li", { class: "clip" }, picture, h("div", {}, h("b", { class: "name" }, clip.name), this.#state(clip)),
      h("div", { class: "acts" }, clip.state !== "failed" && (link || h("span", { class: "soft" }, "add a library first")), this.#whole(clip), drop));
  }

  #state(clip) {
    if (clip.state === "failed") return h("p", { class: "fault" }, clip.error);
    if (clip.state !== "looking" || !clip.job) return h("p", { class: "soft" }, `${measures(clip)} \u00b7 ${bytes(clip.size_bytes)}`);
    const row = new JobRow(clip.job, `Looking at ${clip.name}`, telling(() => this.load()));
    this.#rows.set(clip.id, row);
    get(at("api", "jobs", clip.job)).then((job) => row.see(job), () => {});
    return row.element;
  }

  #browse() {
    const take = async (body) => {
      const { clips } = await post("/api/clips/from-folder", body);
      await this.load();
      say(`${clips.length} taken from the folder.`);
    };
    browse("clips", { title: "Clips from a folder", choose: (folder) => take({ folder: folder.id }), chooseFile: (file) => take({ file: file.id }) });
  }

  /** The whole page takes what is dropped, so that a near miss does not leave the page. */
  #drop(zone) {
    const over = (event, on) => { if (event.dataTransfer?.types.includes("Files")) { event.preventDefault(); zone.classList.toggle("over", on); } };
    document.addEventListener("dragover", (event) => over(event, true));
    document.addEventListener("dragleave", (event) => over(event, event.relatedTarget !== null));
    document.addEventListener("drop", (event) => {
      over(event, false);
      filesOf(event.dataTransfer).then((files) => { if (files.length) this.take(files); }, warn);
    });
  }
}
