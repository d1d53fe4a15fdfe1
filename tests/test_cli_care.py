"""Looking after a library from the command line: verify, repair, compact."""

import json


def test_a_damaged_library_is_reported_and_repaired_and_compacted(run, music_folder, tmp_path):
    library = tmp_path / "library"
    for name in ("slow minor.wav", "slow major.flac"):
        assert run("index", "add", music_folder / name, "--library", library, "--workers", 1).code == 0
    part = min((library / "parts").iterdir())
    part.write_bytes(part.read_bytes()[:-50])
    (library / "parts" / "stray.parquet").write_bytes(b"stray")

    found = run("index", "verify", "--library", library, "--format", "json")
    report = json.loads(found.out)
    assert found.code == 1
    assert "`recommend index repair` puts right what it can" in found.err
    assert [p["kind"] for p in report["problems"]] == ["part"]
    assert report["orphans"] == ["stray.parquet"]
    assert report["counts"]["music"]["tracks"] == 2

    mended = run("index", "repair", "--library", library, "--workers", 1)
    assert (mended.code, mended.out) == (0, "whole\n")
    assert "removed stray.parquet" in mended.err
    assert f"part {part.name}: " in mended.err

    whole = json.loads(run("index", "verify", "--library", library, "--format", "json").out)
    assert whole["whole"]
    assert whole["search"]["music"] == {"queries": 50, "recall_at_10": 1.0, "recall_at_100": 1.0}

    compacted = run("index", "compact", "--library", library)
    assert (compacted.code, compacted.out[:24]) == (0, "2 parts are 1 now, 0 dea")
    table = run("index", "verify", "--library", library, "--queries", 5)
    assert (table.code, table.out) == (0, "whole\n")
    assert "search of music: recall@10 1.0000" in table.err
    assert json.loads(run("index", "info", "--library", library, "--format", "json").out)["compaction"]["parts"] == 1


def test_the_commands_show_an_example(run):
    for command in ("verify", "repair", "compact"):
        assert f"Example: recommend index {command}" in run("index", command, "--help").out
