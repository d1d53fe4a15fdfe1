"""The report of `representatives.py`."""

import json
from pathlib import Path
from typing import Any

import measuring
from representatives import BUILT, KINDS, QUERIES, SEED

SHORT = """
## What falls short

- All libraries are made up: windows lie around their track alike in all directions, which is the hardest case for four
  vectors (unlike sections take fewer). The rows are measured on each library when it is built, so a real one that is
  harder looks at more, or at windows.
- In the built-in space thousands of tracks are nearly as good as each other. 4,000 representatives find .95 of the best
  200; the others score less than .0001 more, but they would be other tracks. So twice as many are looked at there, and
  of 1,000 tracks a query finds no sooner than by windows. How that grows: [depth](depth.md).
- A filter that leaves 131,072 windows or fewer is answered by scoring all of these, as before, and so costs the same.
- From 262,144 representatives (65,536 tracks) on, codes for them are scanned; without FAISS all are compared. A million
  tracks: [search at scale](scale.md#one-library-that-grows).
- While building, all representatives are in memory: 1 KB a track at 64 dimensions.
"""
COMMAND = "python benchmarks/representatives.py --tracks 28600 114400 --work ../representatives"


def report(work: Path) -> str:
    """The tables in markdown, of all figures that are kept."""
    found = [json.loads(path.read_text("utf-8")) for path in sorted(work.glob("*-*.json"))]
    found.sort(key=lambda each: (list(KINDS).index(each["kind"]), each["tracks"]))
    head = [
        "# Representatives",
        "",
        f"{measuring.environment('numpy', 'faiss-cpu')}. Made by `{COMMAND} --out docs/results/representatives.md`.",
        f"{QUERIES} queries (seed {SEED}) that are none of those the rows were chosen by; 100 with a filter. CPU times "
        "of one thread on a busy machine, both searches asked in turns: read the ratios (geometric mean, 95 %).",
        "",
    ]
    return "\n".join([*head, *_built(found), *_needed(found), *_asked(found), *_filtered(found)]) + SHORT


def _name(each: dict[str, Any]) -> str:
    return f"{each['tracks']:,} {KINDS[each['kind']]}"


def _built(found: list[dict[str, Any]]) -> list[str]:
    lines = [
        "## Building",
        "",
        "| tracks | `representatives`: CPU s (us a track), bytes a track | rows looked at; found of the best 200, lost "
        "| windows (`faiss_pq`): CPU s, bytes a track |",
        "|---|---|---|---|",
    ]
    for each in found:
        mine, theirs, tracks = each[BUILT[0]], each[BUILT[1]], each["tracks"]
        info = mine["info"]
        if mine["notice"] is None:
            rows = f"{info['rows']:,}; {info['recall_at_200']:.4f}, {info['lost_at_200']:.5f}"
        else:
            rows = mine["notice"]
        size = f"{info['size_bytes'] / tracks:,.0f}" if mine["notice"] is None else "0"
        other = f"{theirs['built_s']:.0f}, {theirs['info'].get('size_bytes', 0) / tracks:,.0f}"
        cost = f"{mine['built_s']:.1f} ({mine['built_s'] / tracks * 1e6:.0f}), {size}"
        lines.append(f"| {_name(each)} | {cost} | {rows} | {other} |")
    return [*lines, ""]


def _needed(found: list[dict[str, Any]]) -> list[str]:
    lines = [
        "## Representatives to look at",
        "",
        "For these shares of the best 200 tracks of all queries, whatever was chosen; CPU us a track to make them.",
        "",
        "| tracks | .99 | .998 | .999 | us |",
        "|---|---|---|---|---|",
    ]
    for each in found:
        depths = " | ".join(f"{each['needed'][share]:,}" for share in ("0.99", "0.998", "0.999", "made_us"))
        lines.append(f"| {_name(each)} | {depths} |")
    return [*lines, ""]


def _asked(found: list[dict[str, Any]]) -> list[str]:
    return ["## Queries", "", *_table(found, "asked", "tracks wanted")]


def _filtered(found: list[dict[str, Any]]) -> list[str]:
    return ["## Filtered queries for 200 tracks", "", *_table(found, "filtered", "filter")]


def _table(found: list[dict[str, Any]], what: str, column: str) -> list[str]:
    lines = [
        f"| tracks | {column} | representatives: kept, lost, ms | windows: kept, lost, ms | ratio of CPU time |",
        "|---|---|---|---|---|",
    ]
    for each in found:
        for name, asked in each[what].items():
            mine, theirs = (
                f"{asked[b]['kept']:.4f}, {max(0.0, asked[b]['lost']):.5f}, {asked[b]['ms']:.2f}" for b in BUILT
            )
            middle, low, high = asked["ratio"]
            lines.append(f"| {_name(each)} | {name} | {mine} | {theirs} | {middle:.2f} ({low:.2f} to {high:.2f}) |")
    return [*lines, ""]
