"""The benchmark's report for people: markdown, and a self-contained page with plots."""

import html
from collections.abc import Mapping, Sequence
from typing import Any

from training.evaluation import plots
from training.learning.markdown import table
from training.types import M, V

COLUMNS = (f"{V} mAP", f"{V} top@1", f"{V} top@5", f"{M} mAP", f"{M} top@1", f"{M} top@5", "accuracy", "F1", "AUC")
TRANSFERRED = (f"{V} mAP", f"{M} mAP", "accuracy", "AUC", "ECE", "video emotion accuracy", "music emotion accuracy")
MATCHING = ("MAE", "MSE", "R2", "Brier", "ECE")

STAGE_COLUMNS = ("stage", "mAP", "compared with", "difference", "95 % interval", "p", "p (Holm)")
TEST_COLUMNS = ("measure", "systems", "difference", "95 % interval", "p", "p (Holm)")

Report = Mapping[str, Any]


def markdown(report: Report) -> str:
    """The report as markdown: what was run, the table with chance and published rows, tests, slices, limits."""
    parts = [
        f"# {report['dataset']['name']}, protocol `{report['protocol']}`, {_split(report)}",
        "\n".join(_facts(report)),
        "## Figures",
        _how_to_read(report),
        table(*_figures(report)),
        "## The match score as a probability",
        HOW_TO_MATCH,
        table(*_matching(report)),
        *filter(None, [people(report["survey"])]),
        HOW_TO_GRADE,
        table(*_graded(report)),
        "## Paired tests",
        _tests(report),
        *_stages(report),
        *_collections(report),
        "## mAP by the query's emotion",
        *(table(*_slices(report, direction)) for direction in (V, M)),
    ]
    if report["dataset"]["missing"]:
        parts += ["## Missing parts of the dataset", "\n".join(f"- {line}" for line in report["dataset"]["missing"])]
    return "\n\n".join(parts) + "\n"


HOW_TO_READ = (
    "Fractions: mean ± SD over seeds, 95 % bootstrap interval in brackets (over {over}). Ties are scored in "
    "expectation; the query's own counterpart stays in the corpus. Chance is exact for this corpus."
)
PUBLISHED = " Published figures come from the paper's own protocol, early stopping on the evaluated set."


OF_THREE = (
    "- relevance: items of one class (positive, neutral, negative) are relevant to each other, and chance is that of "
    "these classes; match labels are as the dataset gives them"
)
HOW_TO_MATCH = (
    "The match score against the label, 1 for matched and 0 for mismatched (so that MSE and Brier are one number). "
    "Chance is a constant score, the share of matched pairs. ECE: Guo et al. 2017, with ten bins of equal count "
    "instead of equal width, mean over seeds. It counts sampling noise as error: read it beside the last column, what "
    "perfectly calibrated scores of the same values would show. Its interval is the basic bootstrap's, which takes "
    "that bias out and may end below the figure."
)
HOW_TO_GRADE = (
    "The same score against graded labels: 1 for a pair of one emotion, less the farther the two emotions lie apart on "
    "the valence-arousal plane (a convention, not a rating)."
)
HOW_TO_STAGE = (
    "Retrieval by the cosine of `{first}`; the first K candidates of each query are rescored by `{second}`, the "
    "others stay behind them. Lost in the embedding: exact cosine against a perfect order; in the index: the product's "
    "search (FAISS, float32) against exact cosine in float64; own score: what the first system says of pairs, where "
    "that is not the cosine of its vectors. Paired 95 % intervals over {over} and sign-flip tests, on means over "
    "seeds; Holm over the choices of K.{weight}"
)
BY_COLLECTION = "By the collection left out"
HOW_TO_TRANSFER = (
    "Fitted on the other collections, scored on all of this one; intervals over its sources. Half of the pairs, or "
    "nearly, are matched: a share called matched far from that says that the probabilities did not travel."
)
HOW_TO_RELY = (
    "Share of matched pairs over mean score in ten bins of equal count, the scores of all seeds together, with 95 % "
    "intervals over source videos; on the dashed line a score can be taken at its word."
)


def _split(report: Report) -> str:
    if report["split"] == "collections":
        return "each collection left out once"
    return "grouped cross-validation on train" if report["split"] == "folds" else f"scored on {report['part']}"


def _how_to_read(report: Report) -> str:
    over = "sources" if report["split"] == "collections" else "queries; matching: over sources"
    return HOW_TO_READ.format(over=over) + (PUBLISHED if report["published"] else "")


def _facts(report: Report) -> list[str]:
    data, machine = report["dataset"], report["hardware"]
    counts = ", ".join(f"{n} {part}" for part, n in data["counts"].items())
    versions = ", ".join(f"{name} {version}" for name, version in report["versions"].items())
    return [
        f"- command: `{report['command']}`",
        f"- data: revision `{data['revision'][:16]}`, {counts}; licence {data['licence']}",
        f"- seeds: {', '.join(map(str, report['seeds']))}",
        f"- ranked: {report['ranked']}",
        *(f"- `{name}` was trained on {_taught(entry)}" for name, entry in report["systems"].items() if _taught(entry)),
        *([OF_THREE] if report.get("relevance") == "three" else []),
        f"- machine: {machine['processor']}, {machine['cores']} cores; {versions}",
        f"- time: {report['wall_s']:.0f} s for this run; all fits cost {report['fit_cpu_s']:.0f} s of processor time",
    ]


def _taught(entry: Mapping[str, Any]) -> str:
    """What a saved model was trained on; "" of a system that is fitted here."""
    data = entry.get("trained_on")
    if not data:
        return ""
    return f"{data.get('dataset', 'an unnamed set')}, {data.get('part', 'all')}: {data.get('pairs', 'some')} pairs"


def _figures(report: Report) -> tuple[Sequence[str], list[Sequence[str]]]:
    rows: list[Sequence[str]] = [["*chance*", *(plain(report["chance"].get(name)) for name in COLUMNS)]]
    for name, entry in report["systems"].items():
        rows.append([f"**{name}**", *(cell(entry["measures"].get(column)) for column in COLUMNS)])
    for row in report["published"]:
        rows.append([f"published: {row['label']}", *(plain(row["figures"].get(column)) for column in COLUMNS)])
    return ["system", *COLUMNS], rows


def cell(entry: Mapping[str, Any] | None) -> str:
    """A figure with its SD over seeds and its interval, where it has them; "-" for none."""
    if entry is None:
        return "-"
    text = f"{entry['mean']:.3f}"
    if entry["sd_over_seeds"] is not None:
        text += f" ± {entry['sd_over_seeds']:.3f}"
    if entry["low_95"] is not None:
        text += f" [{entry['low_95']:.3f}, {entry['high_95']:.3f}]"
    return text


def plain(value: float | None, form: str = ".3f") -> str:
    """A number of three digits; "-" for none."""
    return "-" if value is None else format(round(value, 3) + 0.0, form)  # + 0.0: nothing is printed as -0


def p_value(value: float) -> str:
    """A p of four digits."""
    return "< 0.0001" if value < 0.0001 else f"{value:.4f}"


def people(rates: Mapping[str, float] | None) -> str:
    """What people said of the labels, quoted by rates of `published.survey`; empty where nobody was asked."""
    if rates is None:
        return ""
    good = {label: f"{100 * rate:.2f} %" for label, rate in rates.items()}
    return (
        "Published (EmoMV): 22 people rated how well the emotions of five matched and five mismatched samples of this "
        f"dataset go together; {good['matched']} of the ratings of matched and {good['mismatched']} of those of "
        "mismatched samples were good or very good: people and labels do not always agree either."
    )


def _matching(report: Report) -> tuple[Sequence[str], list[Sequence[str]]]:
    rows: list[Sequence[str]] = [["*constant*", *(plain(report["chance"].get(name)) for name in MATCHING), "-"]]
    for name, entry in report["systems"].items():
        noise = plain(entry["reliability"]["ece_if_calibrated"])
        rows.append([f"**{name}**", *(cell(entry["measures"].get(column)) for column in MATCHING), noise])
    return ["system", *MATCHING, "ECE if calibrated"], rows


def _graded(report: Report) -> tuple[Sequence[str], list[Sequence[str]]]:
    names = [f"graded {name}" for name in ("MAE", "MSE", "R2")]
    rows: list[Sequence[str]] = [["*constant*", *(plain(report["chance"].get(name)) for name in names)]]
    rows += [[f"**{n}**", *(cell(e["measures"].get(name)) for name in names)] for n, e in report["systems"].items()]
    return ["system", *names], rows


def _stages(report: Report) -> list[str]:
    """Heading, explanation and a table per direction of every pair of stages."""
    parts = []
    for pair in report["stages"]:
        parts += [f"## Stages: {pair['first']}, then {pair['second']}", _how_to_stage(report, pair)]
        parts += [table(*_stage_rows(report, pair, direction)) for direction in (V, M)]
    return parts


def _collections(report: Report) -> list[str]:
    """Heading, explanation and a table of every collection that was left out."""
    tables = [part for one in report["collections"] for part in (f"### {one['name']}", table(*_transferred(one)))]
    return [f"## {BY_COLLECTION}", HOW_TO_TRANSFER, *tables] if tables else []


def _transferred(one: Report) -> tuple[Sequence[str], list[Sequence[str]]]:
    rows: list[Sequence[str]] = [["*chance*", *(plain(one["chance"].get(name)) for name in TRANSFERRED), "-"]]
    for name, entry in one["systems"].items():
        figures = (cell(entry["measures"].get(measure)) for measure in TRANSFERRED)
        rows.append([f"**{name}**", *figures, plain(entry["called_matched"])])
    return ["system", *TRANSFERRED, "called matched"], rows


def _how_to_stage(report: Report, pair: Mapping[str, Any]) -> str:
    """What the tables of a pair show; for a fusion also the weights it chose."""
    chosen = report["systems"][pair["second"]].get("fusion_weight")
    weight = ""
    if chosen is not None:
        spread = f"{chosen['mean']:.2f} on average ({chosen['low']:g} to {chosen['high']:g})"
        weight = f" The fusion gave its second system the weight {spread}."
    over = "sources" if report["split"] == "collections" else "queries"
    return HOW_TO_STAGE.format(first=pair["first"], second=pair["second"], weight=weight, over=over)


def _stage_rows(report: Report, pair: Mapping[str, Any], direction: str) -> tuple[Sequence[str], list[Sequence[str]]]:
    chance = plain(report["chance"].get(f"{direction} mAP"))
    rows: list[Sequence[str]] = [["*chance*", chance, *["-"] * 5]]
    for entry in pair["directions"][direction]:
        bounds = f"[{plain(entry['difference_low_95'])}, {plain(entry['difference_high_95'])}]"
        chances = ["-" if entry[key] is None else p_value(entry[key]) for key in ("p", "p_holm")]
        figure = cell(entry | {"mean": entry["mAP"]})
        difference = plain(entry["difference"], "+.3f")
        rows.append([entry["stage"], figure, entry["compared_with"], difference, bounds, *chances])
    return [f"{STAGE_COLUMNS[0]}, {direction}", *STAGE_COLUMNS[1:]], rows


def _test_rows(report: Report) -> list[Sequence[str]]:
    rows: list[Sequence[str]] = []
    for t in report["significance"]:
        change = plain(t["difference"], "+.3f"), f"[{plain(t['low_95'])}, {plain(t['high_95'])}]"
        rows.append([t["measure"], f"{t['a']} - {t['b']}", *change, p_value(t["p"]), p_value(t["p_holm"])])
    return rows


def _tests(report: Report) -> str:
    if not report["significance"]:
        return "One system only: nothing to compare."
    head = "Sign-flip tests on per-query means over seeds; Holm-corrected within a measure."
    return head + "\n\n" + table(TEST_COLUMNS, _test_rows(report))


def _slices(report: Report, direction: str) -> tuple[Sequence[str], list[Sequence[str]]]:
    systems = report["systems"]
    emotions = list(next(iter(systems.values()))["slices"][direction])
    rows: list[Sequence[str]] = [
        [name, *(plain(e["slices"][direction][word]["mAP"]) for word in emotions)] for name, e in systems.items()
    ]
    return [direction, *emotions], rows


def page(report: Report) -> str:
    """The report as one HTML file: no script, no style sheet, no picture from elsewhere."""
    body = [
        f"<h1>{html.escape(report['dataset']['name'])}</h1>",
        f"<p>Protocol <b>{html.escape(report['protocol'])}</b>, {html.escape(_split(report))}.</p>",
        "<ul>" + "".join(f"<li>{_inline(line[2:])}</li>" for line in _facts(report)) + "</ul>",
        "<h2>Figures</h2>",
        f"<p>{html.escape(_how_to_read(report))}</p>",
        _html_table(*_figures(report)),
    ]
    for measure in (f"{V} mAP", f"{M} mAP", "accuracy", "AUC"):
        body.append(f"<figure>{plots.bars(report, measure)}</figure>")
    body.append("<h2>The match score as a probability</h2>")
    body.append(f"<p>{_inline(HOW_TO_MATCH)}</p>{_html_table(*_matching(report))}")
    body.append(f"<p>{_inline(HOW_TO_GRADE)}</p>{_html_table(*_graded(report))}")
    rely = " ".join(filter(None, [HOW_TO_RELY, people(report["survey"])]))
    body.append(f"<p>{_inline(rely)}</p><figure>{plots.reliability(report)}</figure>")
    body.append("<h2>Paired tests</h2>" + _html_tests(report))
    for pair in report["stages"]:
        body.append(f"<h2>Stages: {html.escape(pair['first'])}, then {html.escape(pair['second'])}</h2>")
        body.append(f"<p>{_inline(_how_to_stage(report, pair))}</p><figure>{plots.stages(report, pair)}</figure>")
        body += [_html_table(*_stage_rows(report, pair, direction)) for direction in (V, M)]
    if report["collections"]:
        body.append(f"<h2>{BY_COLLECTION}</h2><p>{html.escape(HOW_TO_TRANSFER)}</p>")
    for one in report["collections"]:
        body.append(f"<h3>{html.escape(one['name'])}</h3>{_html_table(*_transferred(one))}")
    body.append("<h2>Precision and recall</h2>")
    body += [f"<figure>{plots.precision_recall(report, direction)}</figure>" for direction in (V, M)]
    body.append("<h2>By the query's emotion</h2>")
    body += [f"<figure>{plots.slices(report, direction)}</figure>" for direction in (V, M)]
    body.append(f"<h2>Matched or not: truth (rows) against decision</h2><figure>{plots.confusions(report)}</figure>")
    title = html.escape(f"{report['dataset']['name']}, {report['protocol']}")
    return PAGE.format(title=title, body="\n".join(body))


def _html_tests(report: Report) -> str:
    if not report["significance"]:
        return "<p>One system only: nothing to compare.</p>"
    return _html_table(TEST_COLUMNS, _test_rows(report))


def _html_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{html.escape(cell)}</th>" for cell in header)
    lines = ("<tr>" + "".join(f"<td>{_inline(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<div class=wide><table><thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table></div>"


def _inline(text: str) -> str:
    """Escaped text with the few marks the tables use."""
    escaped = html.escape(text)
    for mark, tag in (("**", "b"), ("*", "i"), ("`", "code")):
        while escaped.count(mark) >= 2:
            escaped = escaped.replace(mark, f"<{tag}>", 1).replace(mark, f"</{tag}>", 1)
    return escaped


PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; color: #222; max-width: 1100px; margin: 2em auto; padding: 0 1em; }}
table {{ border-collapse: collapse; font-size: 12px; }}
th, td {{ border-bottom: 1px solid #ddd; padding: 4px 8px; text-align: left; vertical-align: top; }}
.wide {{ overflow-x: auto; margin: 1em 0; }}
figure {{ margin: 1em 0; }} svg {{ max-width: 100%; height: auto; }}
code {{ background: #f3f3f3; padding: 0 3px; }}
</style></head><body>
{body}
</body></html>
"""
