"""The benchmark's report for people: markdown, and a self-contained page with plots."""

import html
from collections.abc import Mapping, Sequence
from typing import Any

from training.evaluation import plots

V, M = "video->music", "music->video"
COLUMNS = (f"{V} mAP", f"{V} top@1", f"{V} top@5", f"{M} mAP", f"{M} top@1", f"{M} top@5", "accuracy", "F1", "AUC")

TEST_COLUMNS = ("measure", "systems", "difference", "95 % interval", "p", "p (Holm)")

Report = Mapping[str, Any]


def markdown(report: Report) -> str:
    """The report as markdown: what was run, the table with chance and published rows, tests, slices, limits."""
    parts = [
        f"# {report['dataset']['name']}, protocol `{report['protocol']}`, {_split(report)}",
        "\n".join(_facts(report)),
        "## Figures",
        HOW_TO_READ,
        _table(*_figures(report)),
        "## Paired tests",
        _tests(report),
        "## mAP by the query's emotion",
        *(_table(*_slices(report, direction)) for direction in (V, M)),
    ]
    if report["dataset"]["missing"]:
        parts += ["## Missing parts of the dataset", "\n".join(f"- {line}" for line in report["dataset"]["missing"])]
    return "\n\n".join(parts) + "\n"


HOW_TO_READ = (
    "Fractions: mean ± SD over seeds, 95 % bootstrap interval in brackets (over queries; matching: over sources). "
    "Ties are scored in expectation; the query's own counterpart stays in the corpus. Chance is exact for this corpus. "
    "Published figures come from the paper's own protocol, early stopping on the evaluated set."
)


def _split(report: Report) -> str:
    return "grouped cross-validation on train" if report["split"] == "folds" else f"scored on {report['part']}"


def _facts(report: Report) -> list[str]:
    data, machine = report["dataset"], report["hardware"]
    counts = ", ".join(f"{n} {part}" for part, n in data["counts"].items())
    versions = ", ".join(f"{name} {version}" for name, version in report["versions"].items())
    return [
        f"- command: `{report['command']}`",
        f"- data: revision `{data['revision'][:16]}`, {counts}; licence {data['licence']}",
        f"- seeds: {', '.join(map(str, report['seeds']))}",
        f"- machine: {machine['processor']}, {machine['cores']} cores; {versions}",
        f"- time: {report['wall_s']:.0f} s for this run; all fits cost {report['fit_cpu_s']:.0f} s of processor time",
    ]


def _figures(report: Report) -> tuple[Sequence[str], list[Sequence[str]]]:
    rows: list[Sequence[str]] = [["*chance*", *(_plain(report["chance"].get(name)) for name in COLUMNS)]]
    for name, entry in report["systems"].items():
        rows.append([f"**{name}**", *(_cell(entry["measures"].get(column)) for column in COLUMNS)])
    for row in report["published"]:
        rows.append([f"published: {row['label']}", *(_plain(row["figures"].get(column)) for column in COLUMNS)])
    return ["system", *COLUMNS], rows


def _cell(entry: Mapping[str, Any] | None) -> str:
    if entry is None:
        return "-"
    text = f"{entry['mean']:.3f}"
    if entry["sd_over_seeds"] is not None:
        text += f" ± {entry['sd_over_seeds']:.3f}"
    if entry["low_95"] is not None:
        text += f" [{entry['low_95']:.3f}, {entry['high_95']:.3f}]"
    return text


def _plain(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _p(value: float) -> str:
    return "< 0.0001" if value < 0.0001 else f"{value:.4f}"


def _test_rows(report: Report) -> list[Sequence[str]]:
    return [
        [
            t["measure"],
            f"{t['a']} - {t['b']}",
            f"{t['difference']:+.3f}",
            f"[{_plain(t['low_95'])}, {_plain(t['high_95'])}]",
            _p(t["p"]),
            _p(t["p_holm"]),
        ]
        for t in report["significance"]
    ]


def _tests(report: Report) -> str:
    if not report["significance"]:
        return "One system only: nothing to compare."
    head = "Sign-flip tests on per-query means over seeds; Holm-corrected within a measure."
    return head + "\n\n" + _table(TEST_COLUMNS, _test_rows(report))


def _slices(report: Report, direction: str) -> tuple[Sequence[str], list[Sequence[str]]]:
    systems = report["systems"]
    emotions = list(next(iter(systems.values()))["slices"][direction])
    rows: list[Sequence[str]] = [
        [name, *(_plain(e["slices"][direction][word]["mAP"]) for word in emotions)] for name, e in systems.items()
    ]
    return [direction, *emotions], rows


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def page(report: Report) -> str:
    """The report as one HTML file: no script, no style sheet, no picture from elsewhere."""
    body = [
        f"<h1>{html.escape(report['dataset']['name'])}</h1>",
        f"<p>Protocol <b>{html.escape(report['protocol'])}</b>, {html.escape(_split(report))}.</p>",
        "<ul>" + "".join(f"<li>{_inline(line[2:])}</li>" for line in _facts(report)) + "</ul>",
        "<h2>Figures</h2>",
        f"<p>{html.escape(HOW_TO_READ)}</p>",
        _html_table(*_figures(report)),
    ]
    for measure in (f"{V} mAP", f"{M} mAP", "accuracy", "AUC"):
        body.append(f"<figure>{plots.bars(report, measure)}</figure>")
    body.append("<h2>Paired tests</h2>" + _html_tests(report))
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
.wide {{ overflow-x: auto; }}
figure {{ margin: 1em 0; }} svg {{ max-width: 100%; height: auto; }}
code {{ background: #f3f3f3; padding: 0 3px; }}
</style></head><body>
{body}
</body></html>
"""
