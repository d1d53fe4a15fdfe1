"""The command line, as its users type it."""

import csv
import io
import json
import shutil

import numpy as np
import pytest

from running import ROOT, recommend_apart


def test_the_main_command_indexes_a_folder_and_answers(run, music_folder, clip_folder):
    first = run("--video", clip_folder / "calm.mp4", "--music", music_folder)
    assert first.code == 0
    assert "feels" in first.out
    assert "slow major" in first.out
    assert "\n     fits: " in first.out
    assert "library's median" not in first.out
    assert "4 analysed" in first.err
    second = run("--video", clip_folder / "calm.mp4", "--music", music_folder)
    assert second.out == first.out
    assert second.err == ""


def test_figures_are_printed_below_the_same_words(run, indexed, clip_folder):
    words = run("--video", clip_folder / "wild.mp4", "--library", indexed).out.splitlines()
    both = run("--video", clip_folder / "wild.mp4", "--library", indexed, "--figures").out.splitlines()
    assert [line for line in both if "library's median" not in line] == words
    assert len(words) < len(both)


def test_json_has_sections_affect_and_reasons(run, indexed, clip_folder):
    ran = run("--video", clip_folder / "wild.mp4", "--library", indexed, "--top", 3, "--format", "json")
    rows = json.loads(ran.out)
    assert [row["rank"] for row in rows] == [1, 2, 3]
    scores = [row["score"] for row in rows]
    assert scores == sorted(scores, reverse=True)
    for row in rows:
        assert 0 <= row["score"] <= 1
        assert 0 <= row["in_s"] < row["out_s"] <= row["duration_s"] + 1e-6
        assert set(row["section_affect"]) >= {"valence", "arousal", "emotion", "mood"}
        assert 1 <= len(row["reasons"]) <= 3
        assert len({why["words"] for why in row["reasons"]} - {""}) == len(row["reasons"])


def test_the_calm_clip_gets_calmer_music_than_the_wild_one(run, indexed, clip_folder):
    def arousal(name):
        rows = json.loads(run("--video", clip_folder / name, "--library", indexed, "--top", 1, "--format", "json").out)
        return rows[0]["section_affect"]["arousal"]

    assert arousal("calm.mp4") < arousal("wild.mp4")


def test_many_clips_are_json_lines_and_a_bad_one_does_not_stop_the_rest(run, indexed, clip_folder, tmp_path):
    shutil.copytree(clip_folder, tmp_path / "clips")
    (tmp_path / "clips" / "empty.mp4").touch()
    ran = run("--video", tmp_path / "clips", "--library", indexed, "--top", 2)
    lines = [json.loads(line) for line in ran.out.splitlines()]
    assert [line["query"].rsplit("/", 1)[1] for line in lines] == ["calm.mp4", "empty.mp4", "picture.png", "wild.mp4"]
    assert [len(line["recommendations"]) for line in lines] == [2, 0, 2, 2]
    assert "empty" in lines[1]["error"]
    assert ran.code == 1


def test_csv(run, indexed, clip_folder):
    ran = run("--video", clip_folder / "calm.mp4", "--library", indexed, "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(ran.out)))
    assert len(rows) == 4
    assert float(rows[0]["score"]) >= float(rows[1]["score"])


def test_like_alone_and_blended(run, indexed, music_folder, clip_folder):
    reference = music_folder / "fast major.mp3"

    def titles(*args):
        return [row["title"] for row in json.loads(run(*args, "--library", indexed, "--format", "json").out)]

    alone = titles("--like", reference)
    assert len(alone) == 3
    assert "fast major" not in alone
    clip = clip_folder / "calm.mp4"
    assert titles("--video", clip, "--like", reference, "--like-weight", 1) == alone
    plain = [t for t in titles("--video", clip) if t != "fast major"]
    assert titles("--video", clip, "--like", reference, "--like-weight", 0) == plain


def test_the_reverse_finds_clips_for_music(run, music_folder, clip_folder):
    added = run("index", "add", clip_folder, "--kind", "clips", "--library", "reverse", "--workers", 1)
    assert added.code == 0
    ran = run("--track", music_folder / "fast major.mp3", "--library", "reverse", "--format", "json")
    assert {row["title"] for row in json.loads(ran.out)} == {"calm", "wild", "picture"}


def test_index_life_add_list_remove_verify(run, music_folder, tmp_path):
    folder = shutil.copytree(music_folder, tmp_path / "music")
    library = tmp_path / "library"
    dry = run("index", "add", folder, "--library", library, "--dry-run")
    assert "would analyse" in dry.err
    assert not library.exists()
    assert run("index", "add", folder, "--library", library, "--workers", 1).code == 0
    rows = json.loads(run("index", "list", "--library", library, "--format", "json").out)
    assert sorted(row["path"] for row in rows) == sorted(str(p) for p in folder.rglob("*.*"))
    assert run("index", "verify", "--library", library).code == 0

    (folder / "slow major.flac").rename(folder / "renamed.flac")
    update = run("index", "update", "--library", library)
    assert "analysed" not in update.err
    rows = json.loads(run("index", "list", "--library", library, "--format", "json").out)
    assert str(folder / "renamed.flac") in [row["path"] for row in rows]

    assert run("index", "remove", folder / "renamed.flac", "--library", library).code == 0
    nothing = run("index", "remove", folder / "renamed.flac", "--library", library)
    assert nothing.code == 1
    assert "is in this library" in nothing.err
    info = json.loads(run("index", "info", "--library", library, "--format", "json").out)
    assert info["modalities"]["music"]["tracks"] == 3
    assert run("index", "verify", "--library", library).out == "whole\n"


def test_verify_fails_on_a_damaged_part(run, music_folder, tmp_path):
    run("index", "add", music_folder / "slow minor.wav", "--library", tmp_path / "l", "--workers", 1)
    (part,) = (tmp_path / "l").rglob("*.parquet")
    data = bytearray(part.read_bytes())
    data[len(data) // 2] ^= 0xFF
    part.write_bytes(data)
    ran = run("index", "verify", "--library", tmp_path / "l")
    assert ran.code == 1
    assert part.name in ran.out


def test_imported_vectors_answer_vectors_only(run, tmp_path, clip_folder):
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(50, 8)).astype(np.float32)
    np.save(tmp_path / "v.npy", vectors)
    (tmp_path / "ids.csv").write_text("id,title\n" + "".join(f"t{i},Title {i}\n" for i in range(50)))
    done = run(
        "index",
        "import",
        tmp_path / "v.npy",
        "--ids",
        tmp_path / "ids.csv",
        "--space",
        "mine",
        "--library",
        tmp_path / "p",
    )
    assert "50 tracks" in done.out
    np.save(tmp_path / "q.npy", 3 * vectors[7])
    ran = run("--vector", tmp_path / "q.npy", "--library", tmp_path / "p", "--top", 2, "--format", "json")
    rows = json.loads(ran.out)
    assert rows[0]["title"] == "Title 7"
    assert rows[0]["score"] == pytest.approx(1, abs=1e-5)
    refused = run("--video", clip_folder / "calm.mp4", "--library", tmp_path / "p")
    assert refused.code == 1
    assert "imported vectors of the space 'mine'" in refused.err


def test_models_and_doctor(run):
    assert "builtin" in run("models", "list").out
    card = run("models", "info", "builtin").out
    assert "OASIS" in card
    assert "VGMIDI" in card
    facts = json.loads(run("doctor", "--format", "json").out)
    assert facts["facts"]["numpy"] == np.__version__
    assert facts["facts"]["faiss package"].startswith("faiss-")


@pytest.mark.parametrize(
    ("args", "complaint"),
    [
        (("--video", "a.mp4", "--track", "b.mp3"), "give one kind"),
        (("--video", "a.mp4", "--library", "x", "--music", "y"), "give one"),
        (("--video", "a.mp4", "--ranker", "magic"), "unknown ranker 'magic'; known: afclnet, cosine, fusion"),
        (("--video", "a.mp4", "--top", "0"), "--top"),
        (("--video", "a.mp4", "--format", "xml"), "xml"),
        (("--nonsense",), "--nonsense"),
        (("index", "import", "v.npy"), "--space"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_2(run, indexed, args, complaint):
    ran = run(*args, *(() if "--library" in args or args[0] in ("index", "--nonsense") else ("--library", indexed)))
    assert ran.code == 2
    assert complaint in ran.err
    assert ran.out == ""
    assert "Traceback" not in ran.err


def test_no_arguments_print_the_help(run):
    assert "Examples:" in run().out


def test_a_process_of_its_own_gives_the_same_bytes_twice(indexed, clip_folder):
    args = ("--video", clip_folder / "wild.mp4", "--library", indexed, "--format", "json")
    first, second = recommend_apart(*args), recommend_apart(*args)
    assert first.code == 0
    assert first == second


def test_a_query_imports_only_what_it_needs(indexed, clip_folder):
    import subprocess
    import sys

    code = (
        "import sys, cli\n"
        f"sys.argv = ['recommend', '--video', {str(clip_folder / 'calm.mp4')!r}, '--library', {indexed!r}]\n"
        "try:\n    cli.main()\nexcept SystemExit as e:\n    assert not e.code\n"
        "heavy = {'torch', 'lightgbm', 'sklearn', 'scipy', 'pyarrow', 'sqlalchemy', 'faiss', 'ssl'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


def test_several_vectors_give_a_line_each(run, tmp_path):
    np.save(tmp_path / "v.npy", np.eye(4, dtype=np.float32))
    (tmp_path / "ids.csv").write_text("id\na\nb\nc\nd\n")
    run(
        "index",
        "import",
        tmp_path / "v.npy",
        "--ids",
        tmp_path / "ids.csv",
        "--space",
        "s",
        "--library",
        tmp_path / "l",
    )
    np.save(tmp_path / "q.npy", np.eye(4, dtype=np.float32)[:2])
    lines = run("--vector", tmp_path / "q.npy", "--library", tmp_path / "l", "--top", 1).out.splitlines()
    assert [json.loads(line)["recommendations"][0]["title"] for line in lines] == ["a", "b"]


def test_reasons_of_the_built_in_model_can_be_recomputed(indexed, clip_folder):
    """Each change is the score lost when the section's feature becomes the library's median, and nothing else."""
    from indexing import Library
    from recommender import Recommender

    library = Library.open(indexed)
    engine = Recommender(library)
    query = engine.clip(clip_folder / "wild.mp4")
    for r in engine.recommend(query):
        windows = library.windows_of([r.track.id])[0]
        rows = (windows.bounds[:, 0] >= r.in_s) & (windows.bounds[:, 1] <= r.out_s + 1e-6)
        for why in r.reasons:
            inputs = windows.inputs[rows].copy()
            column = library.inputs("music").index(why.feature)
            inputs[:, column] = library.medians("music")[column]
            _, vectors = engine.model.encode("music", inputs)
            without = np.mean(np.clip(vectors.astype(float) @ query.vector.astype(float), 0, 1))
            assert r.score - without == pytest.approx(why.change, abs=1e-5)


def test_without_faiss_a_large_library_is_searched_exactly_which_says_what_to_install(
    run, indexed, clip_folder, monkeypatch, caplog
):
    import sys

    monkeypatch.setitem(sys.modules, "faiss", None)
    small = run("--video", clip_folder / "calm.mp4", "--library", indexed)
    assert (small.code, caplog.messages) == (0, [])
    monkeypatch.setattr("indexing.search.backends.FAISS_ROWS", 1)
    large = run("--video", clip_folder / "calm.mp4", "--library", indexed)
    assert (large.code, large.out) == (0, small.out)
    (line,) = caplog.messages
    assert line.startswith(
        "search is exact, without faiss_flat: no FAISS found; install one of: pip install 'cliptune[cpu]'"
    )


def test_two_processes_on_one_new_folder_both_answer(home, tmp_path, music_folder, clip_folder):
    import subprocess
    import sys

    folder = shutil.copytree(music_folder, tmp_path / "both")
    command = [sys.executable, str(ROOT / "cli.py"), "--video", str(clip_folder / "calm.mp4"), "--music", str(folder)]
    pair = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(2)]
    outputs = [process.communicate(timeout=120) for process in pair]
    assert [process.returncode for process in pair] == [0, 0], outputs
    assert outputs[0][0] == outputs[1][0]
