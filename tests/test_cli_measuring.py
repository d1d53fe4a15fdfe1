"""`recommend eval`, `recommend dataset build` and `recommend benchmark`, as researchers type them."""

import json

import numpy as np
import pytest

import media_samples
from pieces import chords


@pytest.fixture
def judged(tmp_path):
    """Two queries over three documents: the first finds its relevant document at rank 2, the second at rank 1."""
    (tmp_path / "q.qrels").write_text("a 0 x 0\na 0 y 1\na 0 z 0\nb 0 x 1\nb 0 y 0\nb 0 z 0\n")
    (tmp_path / "s.run").write_text(
        "a Q0 x 1 3.0 s\na Q0 y 2 2.0 s\na Q0 z 3 1.0 s\nb Q0 x 1 3.0 s\nb Q0 y 2 2.0 s\nb Q0 z 3 1.0 s\n"
    )
    return tmp_path / "q.qrels", tmp_path / "s.run"


def test_eval_by_hand(run, judged):
    ran = run("eval", *judged, "-m", "mAP", "-m", "top@1", "--format", "json")
    found = json.loads(ran.out)
    assert found["means"] == {"mAP": 0.75, "top@1": 0.5}
    assert found["queries"] == 2
    assert "mAP" in run("eval", *judged).out


def test_eval_says_what_is_wrong(run, judged, tmp_path):
    qrels, _ = judged
    broken = tmp_path / "broken.run"
    broken.write_text("a Q0 x 1 3.0 s\na Q0 y two 2.0\n")
    ran = run("eval", qrels, broken)
    assert ran.code == 2
    assert "broken.run" in ran.err
    assert "2" in ran.err
    ran = run("eval", *judged, "-m", "fame")
    assert ran.code == 2
    assert "unknown measure 'fame'" in ran.err


@pytest.fixture
def labelled(tmp_path):
    """Ten tiny films with sound, two of every emotion, each from a source of its own."""
    rng, lines = np.random.default_rng(0), ["path,emotion,source"]
    emotions = ("exciting", "fearful", "tense", "sad", "relaxing")
    for i, emotion in enumerate(emotions * 4):
        name = f"{emotion}{i}.mp4"
        pictures = [np.full((48, 64, 3), rng.integers(0, 255), np.uint8) for _ in range(8)]
        y = chords((0, 3 + i % 2, 7), 0.3 + 0.1 * (i % 5), 2.0, i)
        media_samples.clip(tmp_path / name, pictures, fps=4, y=np.repeat(y, 2))
        lines.append(f"{name},{emotion},source{i}")
    (tmp_path / "labels.csv").write_text("\n".join(lines) + "\n")
    return tmp_path / "labels.csv"


def test_a_dataset_from_labelled_films(run, labelled, tmp_path):
    from training.datasets.built import load_built

    ran = run(
        "dataset",
        "build",
        labelled,
        "--out",
        tmp_path / "built",
        "--balance",
        "drop",
        "--validation",
        "0.5",
        "--format",
        "json",
    )
    assert ran.code == 0, ran.err
    built = load_built(tmp_path / "built")
    train, validation = built.pairs["train"], built.pairs["validation"]
    assert train.match.sum() * 2 == len(train)
    sources = [{*p.video_source.tolist(), *p.music_source.tolist()} for p in (train, validation)]
    assert sources[0].isdisjoint(sources[1])


def test_a_benchmark_without_data_says_what_is_needed(run, tmp_path):
    ran = run("benchmark", "--dataset", "emomv-c", "--out", tmp_path / "o")
    assert ran.code == 2
    assert "--data FOLDER is needed" in ran.err
    ran = run("benchmark", "--dataset", "emomv-c", "--data", tmp_path, "--systems", "magic", "--out", tmp_path / "o")
    assert ran.code == 2
    assert "no system is called magic" in ran.err
