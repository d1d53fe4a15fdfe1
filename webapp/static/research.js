// What the pages for researchers share: figures with their intervals, as cells and as a drawing.

import { h } from "./dom.js";

let sheet = null;

/** The style of these pages, once it is there. */
export function dressed() {
  sheet ??= new Promise((done) => {
    document.head.append(h("link", { rel: "stylesheet", href: "/static/research.css", on: { load: done, error: done } }));
  });
  return sheet;
}

const none = (value) => value === null || value === undefined;
export const number = (value, digits = 3) => (none(value) ? "\u2013" : value.toFixed(digits).replace("-", "\u2212"));
const isFigure = (cell) => !none(cell) && typeof cell === "object";

function mean(cell) {
  if (isFigure(cell)) return cell.mean;
  return typeof cell === "number" ? cell : null;
}

/** A table of `{title, columns, rows}` with the interval below each figure. */
export function figures({ title, columns, rows }, first = "System") {
  const head = h("tr", {}, h("th", { scope: "col" }, first), columns.map((name) => h("th", { scope: "col" }, name)));
  const body = rows.map((row) => h("tr", { class: row.kind }, h("th", { scope: "row" }, row.label), columns.map((name) => h("td", {}, shown(row.cells[name])))));
  return h("table", {}, h("caption", { class: "hidden" }, title), h("thead", {}, head), h("tbody", {}, body));
}

function shown(cell) {
  if (!isFigure(cell)) return typeof cell === "number" ? number(cell) : cell ?? "\u2013";
  const spread = none(cell.sd_over_seeds) ? "" : ` \u00b1 ${number(cell.sd_over_seeds)}`;
  return [
    h("span", { class: "mean" }, number(cell.mean), spread && h("span", { class: "soft" }, spread)),
    !none(cell.low_95) && h("span", { class: "soft bounds" }, `${number(cell.low_95)} to ${number(cell.high_95)}`),
  ];
}

/** Columns of a table that hold numbers of at least two rows. */
export function drawable({ columns, rows }) {
  return columns.filter((name) => rows.filter((row) => !none(mean(row.cells[name]))).length > 1);
}

/** A column as points with their intervals, chance as a line; the table says the same, so it is not read aloud. */
export function drawing({ rows }, column) {
  const there = rows.filter((row) => !none(mean(row.cells[column])));
  const ends = there.flatMap(({ cells: { [column]: cell } }) => [mean(cell), cell.low_95 ?? mean(cell), cell.high_95 ?? mean(cell)]);
  const low = Math.min(0, ...ends);
  const whole = (Math.max(0, ...ends) - low) * 1.02 || 1;
  const place = (value) => `${(100 * (value - low)) / whole}%`;
  const chance = there.find((row) => row.kind === "chance");
  return h("div", { class: "drawing", "aria-hidden": "true" }, there.filter((row) => row !== chance).map((row) => drawn(row, row.cells[column], chance?.cells[column], place)));
}

function drawn(row, cell, chance, place) {
  const dot = h("i", { class: "dot" });
  dot.style.left = place(mean(cell));
  const parts = [dot];
  if (isFigure(cell) && !none(cell.low_95)) {
    const span = h("i", { class: "span" });
    span.style.left = place(cell.low_95);
    span.style.right = `calc(100% - ${place(cell.high_95)})`;
    parts.unshift(span);
  }
  if (!none(chance)) {
    const level = h("i", { class: "level" });
    level.style.left = place(mean(chance));
    parts.unshift(level);
  }
  return h("div", { class: `row ${row.kind}` }, h("span", { class: "label" }, row.label), h("span", { class: "lane" }, parts), h("span", { class: "value" }, number(mean(cell))));
}
