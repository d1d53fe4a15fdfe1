"""The matching task on generated pairs: what is measured, how it is compared, and one effect found from end to end."""

import json
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed (extra `train`)")

from recommender.errors import InputError
from training.datasets.generated import EFFECTS, GeneratedConfig, generate
from training.evaluation import matching
from training.evaluation.matching import (
    BASES,
    EXPERIMENTS,
    PUBLISHED,
    Experiment,
    Fits,
    Recipe,
    chance,
    difference,
    examine,
    figures,
    is_recovered,
    measure,
    of_effects,
    recipe,
    run_matching,
    split,
)

SMALL = GeneratedConfig(pairs=300, video_columns=30, music_columns=24, per_video=1)


def test_figures_by_hand():
    found = figures(np.array([0.0, 0.25, 0.75, 1.0]), np.array([0.5, 0.25, 0.25, 1.0]))
    assert found["MAE"] == pytest.approx(0.25)
    assert found["MSE"] == pytest.approx(0.125)
    assert found["R2"] == pytest.approx(1 - 0.125 / 0.15625)
    assert found["Brier"] == pytest.approx((0.25 + 0.0625 + 0.5625 + 0) / 4)
    assert found["AUC"] == pytest.approx(2.5 / 4)  # one pair in the wrong order, one tie


def test_a_split_keeps_groups_whole_and_has_the_papers_shares():
    data = generate((), 0, GeneratedConfig(pairs=600))
    parts = split(data, 1)
    assert [len(part) for part in parts] == [480, 60, 60]
    sources = [set(part.group.tolist()) for part in parts]
    assert len(set.union(*sources)) == sum(map(len, sources))
    assert np.ptp([part.score.mean() for part in parts]) < 0.02
    assert not np.array_equal(parts[2].group, split(data, 2)[2].group)
    with pytest.raises(InputError, match="5 groups cannot be split 8:1:1"):
        split(generate((), 0, GeneratedConfig(pairs=10)), 0)


def test_chance_is_a_constant():
    data = generate((), 0, SMALL)
    found = chance(data, 0)
    assert found["AUC"] == 0.5
    assert found["MSE"] == pytest.approx(split(data, 0)[2].score.var(), abs=3e-3)
    assert -0.1 < found["R2"] <= 0


def test_differences_are_paired_by_seed():
    full = {name: np.array([0.5, 0.3, 0.4]) for name in matching.MEASURES}
    without = {name: np.array([0.4, 0.1, 0.1]) for name in matching.MEASURES}
    found = difference(full, without)["R2"]
    assert found["mean"] == pytest.approx(0.2)
    assert 0.1 - 1e-9 <= found["low_95"] < 0.2 < found["high_95"] <= 0.3 + 1e-9
    assert found["p"] == 2 / 8  # all three up or all three down, of eight patterns


def test_every_experiment_names_what_exists_and_plants_what_it_leaves_out_elsewhere():
    for experiment in EXPERIMENTS:
        assert set(experiment.planted) | set(experiment.left_out) <= set(EFFECTS)
        assert set(experiment.planted) - set(experiment.left_out)
        assert recipe(experiment.base).config != recipe(experiment.base, experiment.without).config
    assert [e.part for e in of_effects("gate, state")] == ["DCCA per matching state", "mutual attention"]
    assert len(of_effects("all")) == len(EXPERIMENTS)
    with pytest.raises(InputError, match="no effect is called 'magic'; there are: all, perceptual"):
        of_effects("gate,magic")


def test_a_fit_is_done_once_and_the_same_again():
    quick = Recipe("quick", replace(BASES["ours"], epochs=1))
    told: list[tuple[str, int, int]] = []
    fits = Fits(SMALL, lambda *event: told.append(event), 1)
    first = fits(quick, ("gate",), 3)
    assert fits(quick, ("gate",), 3) is first
    assert told == [("quick", 0, 1)]
    assert first == measure(quick, generate(("gate",), matching.SEED + 3, SMALL), 3)


def test_early_stopping_sees_the_second_part(monkeypatch):
    seen = []

    class Network:
        def __init__(self, name, config):
            pass

        def fit_scored(self, data, seed, stop=None, extra=None):
            seen.append((data.group.tolist(), None if stop is None else stop.group.tolist()))
            raise InputError("enough")

    monkeypatch.setattr(matching, "AFCLNet", Network)
    data = generate((), 0, SMALL)
    parts = [part.group.tolist() for part in split(data, 4)]
    for stops, second in ((True, parts[1]), (False, None)):
        with pytest.raises(InputError, match="enough"):
            measure(Recipe("any", BASES["ours"], stops), data, 4)
        assert seen.pop() == (parts[0], second)


def test_a_planted_effect_is_found_and_one_left_out_is_not(monkeypatch):
    monkeypatch.setitem(BASES, "ours", replace(BASES["ours"], epochs=20))
    clear = replace(SMALL, pairs=800, share=0.9, noise=0.2, own=0.2)  # what so few pairs and two seeds can tell
    part = Experiment("perceptual inputs", ("perceptual",), (), "ours", "objective-only")
    found = examine(Fits(clear), part, range(2))
    assert found["planted"]["difference"]["R2"]["low_95"] > 0.03
    assert found["planted"]["full"]["R2"]["mean"] > 0.1
    assert abs(found["left_out"]["difference"]["R2"]["mean"]) < 0.02
    assert abs(found["left_out"]["full"]["R2"]["mean"]) < 0.02


@pytest.mark.parametrize(
    ("planted", "left_out", "found"),
    [
        ((0.1, 0.2), (-0.1, 0.1), True),
        ((0.1, 0.2), (0.05, 0.1), False),
        ((0.1, 0.2), (-0.2, -0.1), False),
        ((-0.1, 0.2), (-0.1, 0.1), False),
    ],
)
def test_an_effect_is_recovered_when_it_tells_where_planted_and_only_there(planted, left_out, found):
    assert is_recovered(*({"low_95": low, "high_95": high} for low, high in (planted, left_out))) is found


def test_the_report_says_what_was_run_and_stands_beside_the_published_table(tmp_path, monkeypatch):
    quick = {name: replace(base, epochs=1) for name, base in BASES.items()}
    monkeypatch.setattr(matching, "BASES", quick)
    monkeypatch.setattr(matching, "COMPARED", ("perceptual-only",))
    monkeypatch.setattr(matching, "PAPER_SMALL", replace(quick["ours"], loss="mae"))
    told: list[tuple[str, int, int]] = []
    command = "recommend matching --out x --seeds 2"
    report = run_matching(
        tmp_path, "gate", 2, pairs=300, command=command, tick=lambda *event: told.append(event), paper_seeds=1
    )
    assert json.loads((tmp_path / "matching.json").read_text()) == report
    assert report["dataset"]["name"] == "generated"
    assert report["seeds"] == 2
    assert set(report["versions"]) == {"cliptune", "numpy", "torch", "lightgbm"}
    assert [e["part"] for e in report["experiments"]] == [e.part for e in of_effects("gate")]
    recipes = report["comparison"]["recipes"]
    assert list(recipes)[:2] == ["ours", "ours: perceptual-only"]
    assert (recipes["ours"]["seeds"], recipes["paper"]["seeds"]) == (2, 1)
    assert "difference" in recipes["ours: perceptual-only"]
    assert "difference" not in recipes["paper"]
    assert [(done, total) for _, done, total in told] == [(i, len(told)) for i in range(len(told))]
    text = (tmp_path / "matching.md").read_text()
    assert f"`{command}`" in text
    assert "300 generated pairs" in text
    assert "not public" in text
    assert all(name in text for name in (*PUBLISHED, *recipes))
    assert "| AFCLNet (MSE .018 in its tables of parts) | 0.109 | 0.019 | 0.623 |" in text


def test_one_seed_is_refused(tmp_path):
    with pytest.raises(InputError, match="1 seeds say nothing about the spread"):
        run_matching(tmp_path, "all", 1)
