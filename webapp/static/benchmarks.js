// Reports of `recommend benchmark`: tables with intervals and chance, and how single queries were answered.

import { at, get } from "./api.js";
import { button, field, fill, h } from "./dom.js";
import { moment } from "./format.js";
import { inline, wide } from "./markdown.js";
import { drawable, drawing, dressed, figures, number } from "./research.js";
import { telling } from "./told.js";

const PAGE = 50;
const ORDERS = [["worst", "worst first"], ["best", "best first"], ["name", "by name"]];
const WAYS = { "video-music": "music for clips", "music-video": "clips for music" };

export async function show(root, params) {
  const asked = params.get("report");
  const [found] = await Promise.all([get(asked ? at("api", "benchmarks", asked) : "/api/benchmarks"), dressed()]);
  if (asked) report(root, found, params); else reports(root, found);
}

function reports(root, { reports: known, folders }) {
  fill(root, h("h1", {}, "Benchmarks"));
  if (!folders) root.append(h("p", {}, "Start the app with the folder that reports are in: ", h("code", {}, "recommend app --reports FOLDER"), "."));
  else if (!known.length) root.append(h("p", {}, "There is no report in the folders that were named. ", h("code", {}, "recommend benchmark --out FOLDER"), " writes one."));
  else root.append(wide(table(known), "Reports"));
}

function table(known) {
  const head = ["Report", "Data", "Protocol", "Systems", "Written"].map((name) => h("th", { scope: "col" }, name));
  const body = known.map((one) => h("tr", {},
    h("th", { scope: "row" }, h("a", { href: `/benchmarks?${new URLSearchParams({ report: one.id })}`, title: one.path }, one.name)),
    h("td", {}, one.datasets.join(", ") || one.suite), h("td", {}, one.suite ? "suite" : `${one.protocol}, ${one.split}`),
    h("td", { title: one.systems.join(", ") }, String(one.systems.length || "\u2013")), h("td", { class: "soft" }, h("time", { datetime: one.at }, moment(one.at)))));
  return h("table", {}, h("caption", { class: "hidden" }, "Reports, newest first"), h("thead", {}, h("tr", {}, head)), h("tbody", {}, body));
}

function report(root, found, params) {
  document.title = `${found.name} \u00b7 Benchmarks \u00b7 cliptune`;
  fill(root,
    h("p", {}, h("a", { href: "/benchmarks" }, "All reports")), h("h1", {}, found.name),
    h("p", { class: "soft" }, [found.datasets.join(", ") || found.suite, found.protocol && `protocol ${found.protocol}`, found.split, moment(found.at)].filter(Boolean).join(" \u00b7 ")),
    h("p", {}, h("code", { class: "command" }, found.command)),
    found.tables.slice(0, 1).map((one) => section(one, params)),
    single(found, params),
    found.tables.slice(1).map((one) => section(one, null)));
}

function section(one, params) {
  const columns = params ? drawable(one) : [];
  return h("section", {}, h("h2", {}, one.title), one.how_to_read && h("p", { class: "soft how" }, inline(one.how_to_read)),
    columns.length > 0 && drawn(one, columns, params), wide(figures(one), one.title));
}

function drawn(one, columns, params) {
  const select = choice("measure", columns.map((name) => [name, name]), params.get("measure"));
  const place = h("div", {}, drawing(one, select.value));
  select.addEventListener("change", () => { fill(place, drawing(one, select.value)); keep({ measure: select.value }); });
  const told = "Points are means, lines their 95 % intervals; the dashed line is chance.";
  return h("figure", {}, h("figcaption", {}, field("Measure", select), h("p", { class: "soft" }, told)), place);
}

function choice(name, options, chosen) {
  return h("select", { name }, options.map(([value, text]) => h("option", { value, selected: value === chosen }, text)));
}

/** Keep choices in the address: a link shows the same. */
function keep(values) {
  const params = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(values)) params.set(name, value);
  history.replaceState(null, "", `${location.pathname}?${params}`);
}

function single(found, params) {
  const { systems, directions, how } = found.queries;
  if (how) return h("section", {}, h("h2", {}, "Single queries"), h("p", {}, inline(how)));
  const system = choice("system", systems.map((name) => [name, name]), params.get("system"));
  const direction = choice("direction", directions.map((name) => [name, WAYS[name]]), params.get("direction"));
  const order = choice("order", ORDERS, params.get("order"));
  const place = h("div");
  const chosen = () => ({ system: system.value, direction: direction.value, order: order.value });
  const load = telling(() => answers(place, at("api", "benchmarks", found.id, "queries"), chosen()));
  for (const one of [system, direction, order]) one.addEventListener("change", () => { keep(chosen()); load(); });
  load();
  const told = "Measures are means over seeds; ranks are of the first seed, among all that was ranked for the query.";
  return h("section", {}, h("h2", {}, "Single queries"), h("p", { class: "soft how" }, told),
    h("div", { class: "choices" }, field("System", system), field("Direction", direction), field("Order", order)), place);
}

async function answers(place, address, asked) {
  const first = await get(address, { ...asked, limit: PAGE });
  const body = h("tbody");
  const head = ["Query", "Emotion", ...first.measures, "Right ones at rank", "Own at", "First ranked"].map((name) => h("th", { scope: "col" }, name));
  const more = button("More", telling(async () => add(await get(address, { ...asked, limit: PAGE, offset: body.rows.length }))));
  const told = h("p", { class: "soft", "aria-live": "polite" });
  const add = (page) => {
    body.append(...page.queries.map((one) => query(one, first.measures)));
    more.hidden = body.rows.length >= first.total;
    fill(told, `${body.rows.length} of ${first.total} queries`);
  };
  add(first);
  const caption = h("caption", { class: "hidden" }, `Queries of ${asked.system}`);
  fill(place, wide(h("table", { class: "queries" }, caption, h("thead", {}, h("tr", {}, head)), body), "Single queries"), h("div", { class: "acts" }, more, told));
}

function query(one, measures) {
  const many = one.relevant > one.ranks.length ? ` of ${one.relevant}` : "";
  return h("tr", {}, h("th", { scope: "row" }, one.query), h("td", {}, one.emotion ?? "\u2013"), measures.map((name) => h("td", {}, number(one.values[name]))),
    h("td", {}, one.ranks.length ? `${one.ranks.join(", ")}${many}` : "\u2013", one.candidates && h("span", { class: "soft bounds" }, `among ${one.candidates}`)),
    h("td", {}, String(one.own ?? "\u2013")), h("td", {}, one.top.length ? ranked(one) : "\u2013"));
}

function ranked(one) {
  const items = one.top.map((top) => h("li", { class: top.right && "right" }, h("span", {}, top.id), h("span", { class: "soft" }, number(top.score)), top.right && h("b", {}, "right")));
  return h("details", {}, h("summary", {}, `the first ${one.top.length}`), h("ol", {}, items));
}
