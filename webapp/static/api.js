// Asking the server: JSON, uploads, events. A failure is an `ApiError` with the server's own line.

export class ApiError extends Error {
  constructor(status, line) {
    super(line);
    this.status = status;
  }
}

const GONE = "the app does not answer: is `recommend app` still running?";

async function ask(method, path, { params, body, signal } = {}) {
  const init = { method, signal, headers: { Accept: "application/json" } };
  if (body !== undefined) {
    init.headers["Content-Type"] = "application/json";
    init.body = JSON.stringify(body);
  }
  const asked = params && String(new URLSearchParams(params));
  let response;
  try {
    response = await fetch(asked ? `${path}?${asked}` : path, init);
  } catch (error) {
    throw error.name === "AbortError" ? error : new ApiError(0, GONE);
  }
  return answer(response.status, await response.text());
}

function answer(status, text) {
  let data = null;
  try { data = text ? JSON.parse(text) : null; } catch { /* not ours: said below */ }
  if (status >= 200 && status < 300) return data;
  const line = data?.error ?? (status === 401 ? "this page is no longer open: use the address that `recommend app` printed" : `the app answered ${status}`);
  throw new ApiError(status, line);
}

export const get = (path, params, options = {}) => ask("GET", path, { params, ...options });
export const post = (path, body = {}) => ask("POST", path, { body });
export const remove = (path) => ask("DELETE", path);

/** The address of something by its parts, each of which is data. */
export const at = (...parts) => `/${parts.map(encodeURIComponent).join("/")}`;

/** Send a file as it is; `fetch` does not say how far it is. `cancel()` of the result stops it. */
export function upload(file, told) {
  const request = new XMLHttpRequest();
  const done = new Promise((resolve, reject) => {
    request.open("POST", `/api/clips?${new URLSearchParams({ name: file.name })}`);
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.upload.addEventListener("progress", (event) => told(event.loaded, file.size));
    request.addEventListener("load", () => { try { resolve(answer(request.status, request.responseText)); } catch (error) { reject(error); } });
    request.addEventListener("error", () => reject(new ApiError(0, `${file.name} was not taken: ${GONE}`)));
    request.addEventListener("abort", () => reject(new DOMException("cancelled", "AbortError")));
  });
  request.send(file);
  return { done, cancel: () => request.abort() };
}

// ---- events: one stream per page that is seen; browsers allow few connections to a host, over all tabs

let stream = null;
const listeners = { job: new Set(), changed: new Set() };

/** Listen to `job` or `changed`; what comes back stops it. After a break `changed` is told with `what: null`. */
export function on(kind, listener) {
  listeners[kind].add(listener);
  if (!stream && !document.hidden) open();
  return () => listeners[kind].delete(listener);
}

function open(missed = false) {
  stream = new EventSource("/api/events");
  for (const kind of Object.keys(listeners)) stream.addEventListener(kind, (event) => tell(kind, JSON.parse(event.data)));
  stream.addEventListener("error", () => { missed = true; });
  stream.addEventListener("open", () => { if (missed) tell("changed", { what: null }); missed = false; });
}

function close() {
  stream?.close();
  stream = null;
}

function tell(kind, data) {
  for (const listener of listeners[kind]) listener(data);
}

window.addEventListener("pagehide", close);
document.addEventListener("visibilitychange", () => {
  if (document.hidden) close(); else if (!stream && listeners.job.size + listeners.changed.size) open(true);
});

const OVER = ["done", "failed", "cancelled"];
const LOOK_AGAIN_MS = 3000;
export const isOver = (job) => OVER.includes(job.state);

/** Wait for a job; its result, or an ApiError. Events tell how far it is; now and then it is asked for, should one be missed. */
export function finished(id, told = () => {}) {
  return new Promise((resolve, reject) => {
    const stop = on("job", (job) => { if (job.id === id) see(job); });
    const timer = setInterval(look, LOOK_AGAIN_MS);
    function see(job) {
      told(job);
      if (!isOver(job)) return;
      if (job.state === "done" && !("result" in job)) { look(); return; } // events tell of results, but not what they are
      end();
      if (job.state === "done") resolve(job.result);
      else reject(new ApiError(job.state === "cancelled" ? 499 : 500, job.error ?? "cancelled"));
    }
    function end() { stop(); clearInterval(timer); }
    function look() { get(at("api", "jobs", id)).then(see, (error) => { end(); reject(error); }); }
    look();
  });
}
