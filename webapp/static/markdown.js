// Markdown of our own cards as elements: headings, paragraphs, lists, tables, code. Text never becomes markup.

import { h } from "./dom.js";

const INLINE = /`([^`]+)`|\*\*(.+?)\*\*|\*([^*\s](?:[^*]*[^*\s])?)\*|\[([^\]]+)\]\((https?:\/\/[^\s)]+)\)/;
const ITEM = /^(\s*)(?:[-*+]|\d+[.)])\s+(.*)$/;
const RULE = /^\s*\|?[\s:|-]*-[\s:|-]*$/;
const DEEPEST = 6;

/** Elements of a text; its headings begin at `level`. */
export function rendered(text, level = 2) {
  const lines = text.replaceAll("\r\n", "\n").split("\n");
  const out = [];
  let at = 0;
  while (at < lines.length) {
    const line = lines[at];
    const heading = /^(#{1,6})\s+(.*?)\s*#*$/.exec(line);
    if (!line.trim()) at += 1;
    else if (line.startsWith("```")) at = code(lines, at, out);
    else if (heading) {
      out.push(h(`h${Math.min(DEEPEST, level - 1 + heading[1].length)}`, {}, inline(heading[2])));
      at += 1;
    } else if (line.trimStart().startsWith("|") && RULE.test(lines[at + 1] ?? "")) at = table(lines, at, out);
    else if (ITEM.test(line)) at = list(lines, at, out);
    else at = paragraph(lines, at, out);
  }
  return out;
}

function code(lines, at, out) {
  const end = lines.findIndex((line, i) => i > at && line.startsWith("```"));
  const last = end < 0 ? lines.length : end;
  out.push(h("pre", { tabindex: "0" }, h("code", {}, lines.slice(at + 1, last).join("\n"))));
  return last + 1;
}

function table(lines, at, out) {
  const rows = [];
  let next = at;
  while (next < lines.length && lines[next].trimStart().startsWith("|")) rows.push(cells(lines[next++]));
  const [head, , ...body] = rows;
  const top = h("tr", {}, head.map((text) => (text ? h("th", { scope: "col" }, inline(text)) : h("td"))));
  const inner = body.map((row) => h("tr", {}, row.map((text, i) => (i ? h("td", {}, inline(text)) : h("th", { scope: "row" }, inline(text))))));
  out.push(wide(h("table", {}, h("thead", {}, top), h("tbody", {}, inner))));
  return next;
}

/** A table in a box of its own to scroll in, by keys too. */
export function wide(inner, name = "Table") {
  return h("div", { class: "wide", tabindex: "0", role: "group", "aria-label": name }, inner);
}

function cells(line) {
  return line.trim().replace(/^\||\|$/g, "").split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll("\\|", "|"));
}

function list(lines, at, out) {
  const numbered = /^\s*\d/.test(lines[at]);
  const items = [];
  while (at < lines.length && lines[at].trim()) {
    const item = ITEM.exec(lines[at]);
    if (item) items.push(item[2]);
    else items[items.length - 1] += ` ${lines[at].trim()}`;
    at += 1;
  }
  out.push(h(numbered ? "ol" : "ul", { class: "points" }, items.map((text) => h("li", {}, inline(text)))));
  return at;
}

function paragraph(lines, at, out) {
  const start = at;
  while (at < lines.length && lines[at].trim() && (at === start || !/^(#|```|\s*\||\s*[-*+]\s)/.test(lines[at]))) at += 1;
  out.push(h("p", {}, inline(lines.slice(start, at).map((line) => line.trim()).join(" "))));
  return at;
}

/** The marks within a line. */
export function inline(text) {
  const found = INLINE.exec(text);
  if (!found) return [text];
  const [whole, plain, strong, soft, label, address] = found;
  let made;
  if (plain) made = h("code", {}, plain);
  else if (strong) made = h("strong", {}, inline(strong));
  else if (soft) made = h("em", {}, inline(soft));
  else made = h("a", { href: address, rel: "noreferrer noopener", target: "_blank" }, label);
  return [text.slice(0, found.index), made, ...inline(text.slice(found.index + whole.length))];
}
