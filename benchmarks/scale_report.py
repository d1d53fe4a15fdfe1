"""The report of the figures that `scale.py` kept."""

import json
import platform
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import measuring
from scale_data import DIM, GAUSSIANS, SPREADS, WINDOWS


def report(work: Path) -> str:
    """Markdown tables of all that is kept below `work`."""
    mixtures = {name: found for name in SPREADS if (found := held(work / f"vectors-{name}.json"))}
    libraries = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(work.glob("library-*.json"))]
    sections = ["# Search at scale", conditions()]
    if mixtures:
        sections += [of_vectors(mixtures, held(work / "hnswlib.json"))]
    if libraries:
        sections += [of_libraries(libraries)]
    return "\n\n".join(sections) + "\n"


def held(path: Path) -> dict[str, Any] | None:
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def conditions() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").splitlines()
    cpu = next((line.split(":")[1].strip() for line in lines if "model name" in line), "unknown processor")
    return (
        f"{date.today().isoformat()}, {cpu}, {platform.system()}, memory shared with other work; "
        f"{measuring.environment('cliptune', 'faiss-cpu', 'hnswlib', 'numpy', 'pyarrow')}. Times are of the CPU, one "
        "thread each, unless they are called wall.\n"
        "Ratios are of times in the same process or of the same run. Command:\n"
        "`env -u OPENBLAS_CORETYPE python benchmarks/scale.py vectors libraries --tracks 10000 100000 200000 --work "
        "../scale --out docs/results/scale.md`, one part after the other."
    )


def of_vectors(mixtures: dict[str, Any], peer: dict[str, Any] | None) -> str:
    first = next(iter(mixtures.values()))
    lines = [
        f"## {first['rows']:,} vectors of {DIM} dimensions",
        "",
        f"Mixtures of {GAUSSIANS} Gaussians around unit centres; the spread is the length of the deviation: "
        + ", ".join(f"{name} {spread:g}" for name, spread in SPREADS.items())
        + f". {first['queries']} queries are further draws; recall is against exact search.",
        "",
        "| mixture | search | built, s | MB | recall@10 | recall@100 | 100 rows, ms | 10 rows, ms | times faster |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, found in mixtures.items():
        flat = min(found["flat_ms"], found["flat_again_ms"])
        lines.append(f"| {name} | IndexFlatIP | | 256 | 1 | 1 | {flat:.2f} | | 1 |")
        lines.append(
            f"| | exact product (numpy) | | 0 | 1 | 1 | {found['product_ms']:.2f} | | "
            f"{flat / found['product_ms']:.1f} |"
        )
        lines += [ours(each, flat, found["rows"]) for each in found["ours"]]
    lines += ["", *batches(mixtures)]
    if peer:
        lines += ["", *hnswlib_of(peer, mixtures["broad"])]
    return "\n".join(lines)


def ours(each: dict[str, Any], flat: float, rows: int) -> str:
    if each["kind"] == "exact":
        return f"| | ours for {each['asked']}: none reaches it, exact | {each['built_s']:.0f} | | | | | | |"
    lists = f", {each['probes']} of {each['lists']} lists" if each["lists"] else ""
    how = f"{each['kind']}, {4 * each['groups'] / DIM:g} bits per dimension{lists}, {each['extra']:,} rows more"
    size = rows * (each["groups"] / 2 + (8 if each["lists"] else 0)) / 1e6
    recalls = f"{each['recall_at_10']:.4f} | {each['recall_at_100']:.4f}"
    return (
        f"| | ours for {each['asked']}: {how} | {each['built_s']:.1f} | {size:.0f} | {recalls} | "
        f"{each['query_ms']:.2f} | {each['query_10_ms']:.2f} | {flat / each['query_ms']:.1f} |"
    )


def batches(mixtures: dict[str, Any]) -> list[str]:
    lines = [
        "Batches of 256 queries for 100 rows each, exact, CPU seconds:",
        "",
        "| mixture | IndexFlatIP | ours | times faster | largest difference of a score |",
        "|---|---|---|---|---|",
    ]
    for name, found in mixtures.items():
        flat, mine, off = (found["batch"][key] for key in ("flat_s", "ours_s", "difference"))
        lines.append(f"| {name} | {flat:.2f} | {mine:.2f} | {flat / mine:.1f} | {off:.0e} |")
    return lines


def hnswlib_of(peer: dict[str, Any], found: dict[str, Any]) -> list[str]:
    mine = found["ours"][-1]
    lines = [
        f"hnswlib at the broad mixture (M {peer['M']}, ef_construction {peer['ef_construction']}): building takes "
        f"{peer['built_s']:.0f} s, {peer['built_s'] / mine['built_s']:.0f} times as long as ours for {mine['asked']} "
        f"({mine['built_s']:.1f} s with tuning, recall@10 {mine['recall_at_10']:.4f}). Flat search beside it takes "
        f"{peer['flat_ms']:.2f} ms.",
        "",
        "| ef | recall@10 | 10 rows, ms | times faster than flat |",
        "|---|---|---|---|",
    ]
    for point in peer["points"]:
        ms = point["query_10_ms"]
        lines.append(f"| {point['ef']} | {point['recall_at_10']:.4f} | {ms:.2f} | {peer['flat_ms'] / ms:.1f} |")
    return lines


def of_libraries(libraries: list[dict[str, Any]]) -> str:
    rows: list[tuple[str, Callable[[dict[str, Any]], str]]] = [
        ("windows", lambda x: f"{x['windows']:,}"),
        ("importing, CPU s (wall)", lambda x: f"{x['import']['cpu_s']:.0f} ({x['import']['wall_s']:.0f})"),
        ("memory while importing, GB", lambda x: f"{x['import']['rss_gb']:.1f}"),
        ("disk: Parquet, snapshot, index, catalog, MB", disk),
        ("search index", index),
        ("building it, CPU s", lambda x: f"{x['build']['cpu_s']:.0f}"),
        ("its recall@10 / @100 of windows on held-out queries", measured),
        ("opening, CPU ms", lambda x: f"{x['open']['cpu_s'] * 1e3:.1f}"),
        ("reading its Parquet, CPU ms", lambda x: f"{x['parquet']['cpu_s'] * 1e3:.0f}"),
        ("reading / opening", lambda x: f"{x['parquet']['cpu_s'] / x['open']['cpu_s']:.0f}"),
        ("query for 100 tracks, CPU ms", lambda x: f"{x['query']['cpu_ms']:.1f}"),
        ("... wall p50 / p95 / p99, ms", lambda x: walls(x["query"])),
        ("... recall@10 / @100 of tracks", lambda x: recalls(x["query"])),
        ("... without the index, CPU ms", lambda x: f"{x['before']['cpu_ms']:.1f}"),
        ("... in an exact batch of 200, CPU ms", lambda x: f"{x['exact']['cpu_ms']:.1f}"),
        *filtered(libraries),
        ("IndexFlatIP for 400 windows, CPU ms", lambda x: f"{x['flat']['cpu_ms']:.1f}"),
        ("memory of a query process: own, mapped, GB", lambda x: memory(x["query"])),
        ("memory of IndexFlatIP's: own, GB", lambda x: f"{x['flat']['own_gb']:.2f}"),
        ("adding 100 tracks, CPU ms", lambda x: f"{x['add']['cpu_s'] * 1e3:.0f}"),
        ("... with opening after it, CPU ms", lambda x: f"{x['add']['with_opening_cpu_s'] * 1e3:.0f}"),
        ("opening with them in the tail, CPU ms", lambda x: f"{x['behind']['cpu_s'] * 1e3:.0f}"),
        ("writing a new snapshot, CPU ms", lambda x: f"{x['publish']['cpu_s'] * 1e3:.0f}"),
    ]
    lines = [
        "## Libraries",
        "",
        f"Tracks of {WINDOWS} windows: genres as the centres above, tracks at 1 from their genre, windows at 0.5 from "
        "their track. Queries are windows of other tracks. Fresh processes; mapped memory is the file cache's, which "
        "the system takes back when it needs it.",
        "",
        "| tracks | " + " | ".join(f"{x['tracks']:,}" for x in libraries) + " |",
        "|---|" + "---|" * len(libraries),
    ]
    lines += [f"| {name} | " + " | ".join(show(x) for x in libraries) + " |" for name, show in rows]
    by_size = {x["tracks"]: x for x in libraries}
    if {10_000, 100_000} <= by_size.keys():
        ratio = by_size[100_000]["add"]["cpu_s"] / by_size[10_000]["add"]["cpu_s"]
        lines += ["", f"Adding 100 tracks to 100,000 costs {ratio:.2f} times what adding them to 10,000 costs."]
    for x in libraries:
        if "hnswlib" in x:
            lines += ["", peer_of(x)]
    return "\n".join(lines)


def filtered(libraries: list[dict[str, Any]]) -> list[tuple[str, Callable[[dict[str, Any]], str]]]:
    """A row per filter."""
    return [
        (
            f"filtered to {name}: CPU ms; wall p50 / p95 / p99; recall@10 / @100",
            lambda x, name=name: (
                f"{x['filtered'][name]['cpu_ms']:.1f}; {walls(x['filtered'][name])}; "  # type: ignore[misc]
                f"{recalls(x['filtered'][name])}"
            ),
        )
        for name in libraries[0]["filtered"]
    ]


def disk(x: dict[str, Any]) -> str:
    return ", ".join(f"{x['disk'][key] / 1e6:,.0f}" for key in ("parts", "snapshot", "index", "catalog"))


def index(x: dict[str, Any]) -> str:
    made = x["build"]
    if made["kind"] == "exact":
        return f"exact ({made['backend']})"
    if made["kind"] == "representatives":
        return f"{made['representatives']:,} representatives, {made['rows']:,} looked at"
    lists = f", {made['probes']} of {made['lists']} lists" if made["lists"] else ""
    return f"{made['kind']}, {4 * made['groups'] / DIM:g} bits{lists}, {made['extra']:,} rows more"


def measured(x: dict[str, Any]) -> str:
    made = x["build"]
    return "1 / 1" if made["kind"] == "exact" else f"{made['recall_at_10']:.4f} / {made['recall_at_100']:.4f}"


def walls(figures: dict[str, Any]) -> str:
    return " / ".join(f"{figures[key]:.1f}" for key in ("p50_ms", "p95_ms", "p99_ms"))


def recalls(figures: dict[str, Any]) -> str:
    return " / ".join(f"{share:.4f}" for share in figures["recall"].values())


def memory(figures: dict[str, Any]) -> str:
    return f"{figures['own_gb']:.2f}, {figures['mapped_gb']:.2f}"


def peer_of(x: dict[str, Any]) -> str:
    peer = x["hnswlib"]
    return (
        f"hnswlib on the windows of {x['tracks']:,} tracks: built in {peer['built_s']:.0f} s, {peer['own_gb']:.2f} GB; "
        f"{peer['cpu_ms']:.2f} ms for 10 windows at recall@10 {peer['recall_at_10']:.4f} (ef {peer['ef']})."
    )
