// Numbers as people read them.

/** `1:05`; hours where there are any. */
export function clock(seconds) {
  const whole = Math.floor(seconds + 0.5);
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

/** `1:02`, and with tenths where there are any: `1:02.5`. */
export function precise(seconds) {
  const tenths = Math.floor(seconds * 10 + 0.5);
  const whole = `${Math.floor(tenths / 600)}:${two(Math.floor(tenths / 10) % 60)}`;
  return tenths % 10 ? `${whole}.${tenths % 10}` : whole;
}

/** `1:02.480`, to the thousandth. */
export function exact(seconds) {
  const ms = Math.round(seconds * 1000);
  return `${Math.floor(ms / 60000)}:${two(Math.floor(ms / 1000) % 60)}.${String(ms % 1000).padStart(3, "0")}`;
}

/** Seconds of `12.5` or `1:02.5`; NaN for what is neither. */
export function seconds(text) {
  const parts = String(text).trim().split(":");
  const known = parts.length <= 3 && parts.every((part, i) => (i < parts.length - 1 ? /^\d+$/ : /^\d+(\.\d*)?$/).test(part));
  return known ? parts.reduce((sum, part) => 60 * sum + Number(part), 0) : NaN;
}

/** `5.2 MB`. */
export function bytes(size) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let unit = 0;
  while (size >= 1000 && unit < units.length - 1) { size /= 1000; unit += 1; }
  return `${size >= 100 || !unit ? Math.round(size) : size.toFixed(1)} ${units[unit]}`;
}

/** `1 track`, `2,001 tracks`. */
export function count(number, name) {
  return `${number.toLocaleString("en")} ${name}${number === 1 ? "" : "s"}`;
}

/** `+0.4`, `−0.4`. */
export function signed(value, digits = 1) {
  return (value < 0 ? "" : "+") + value.toFixed(digits).replace("-", "\u2212");
}

export const percent = (share) => `${Math.round(100 * share)} %`;

/** `: 40 %` of a job that can say so, else an ellipsis. */
export const far = (job) => (job.total > 1 ? `: ${percent(job.done / job.total)}` : "\u2026");

/** `20 s`, `3 min`: how long something will take. */
export function lasting(span) {
  if (span < 90) return `${Math.max(1, Math.round(span))} s`;
  return span < 5400 ? `${Math.round(span / 60)} min` : `${(span / 3600).toFixed(1)} h`;
}

/** The last part of a path. */
export const baseName = (path) => path.split(/[\\/]/).pop() || path;

/** What a library is called; one that was made for a folder of music is called as that. */
export function libraryName({ name, roots }) {
  return /^folder-[0-9a-f]{12}$/.test(name) && roots.length ? baseName(roots[0]) : name;
}

/** A moment in the reader's own time. */
export function moment(iso) {
  return new Date(iso).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
}

const two = (number) => String(number).padStart(2, "0");
