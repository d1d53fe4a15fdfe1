"""TimeSformer: the published layout, what the network is given, and features of real files, with random weights."""

import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed (extra `train`)")
transformers = pytest.importorskip("transformers", reason="transformers is not installed (extra `timesformer`)")

from recommender import media  # noqa: E402
from recommender.errors import ModelError  # noqa: E402
from recommender.extractors.networks import seen  # noqa: E402
from recommender.extractors.networks.timesformer import DIM  # noqa: E402
from recommender.extractors.pretrained import clips, spacetime  # noqa: E402
from recommender.extractors.pretrained.inference import Ready  # noqa: E402
from recommender.weights import CHECKPOINTS, load, pull, require  # noqa: E402
from recommender.weights.convert import empty  # noqa: E402
from training.construction.batch import extract_folder  # noqa: E402

SMALL = partial(transformers.TimesformerConfig, num_hidden_layers=2, intermediate_size=64)


@pytest.fixture
def checkpoint(tmp_path, monkeypatch) -> Path:
    """A small TimeSformer with random weights in the published layout, which the registry then expects."""
    monkeypatch.setenv("CLIPTUNE_HOME", str(tmp_path / "home"))
    torch.manual_seed(0)
    file = tmp_path / "pytorch_model.bin"
    torch.save(transformers.TimesformerForVideoClassification(SMALL()).state_dict(), file)
    small = replace(CHECKPOINTS["timesformer"], network=lambda: transformers.TimesformerModel(SMALL()))
    monkeypatch.setitem(CHECKPOINTS, "timesformer", small)
    return file


def test_the_published_layout_fits_the_network() -> None:
    one = CHECKPOINTS["timesformer"]
    with torch.device("meta"):
        published = transformers.TimesformerForVideoClassification(transformers.TimesformerConfig(num_labels=400))
    state = published.state_dict()
    renamed = one.rename(state)
    assert len(renamed) == len(state) - 2  # the classifier's weight and bias
    network = empty(one)
    network.load_state_dict(renamed, assign=True)
    assert sum(p.numel() for p in network.parameters()) * 4 == pytest.approx(one.size_bytes, rel=0.01)


def test_the_network_is_given_what_it_was_trained_on(checkpoint, clip_folder) -> None:
    pull("timesformer", checkpoint)
    model = load("timesformer")
    clip = clip_folder / "calm.mp4"
    found = spacetime.extract(clip, Ready(seen.timesformer(model), torch.float32))
    # by hand: pictures at 0, 17/14, 34/14 s and so on, the last one held
    shown = list(media.frames(clip, fps=14.0, max_side=640))[::17][:8]
    frames = np.stack([clips.square(frame.rgb, 224) for frame in shown + shown[-1:] * (8 - len(shown))])
    pixels = torch.from_numpy((frames.astype(np.float32) / 255 - 0.45) / 0.225).permute(0, 3, 1, 2)[None]
    with torch.no_grad():
        expected = load("timesformer")(pixels).last_hidden_state[0, 0].numpy()
    assert found.columns == spacetime.NAMES
    assert len(found.columns) == DIM
    np.testing.assert_allclose(found.item, expected, rtol=1e-4, atol=1e-4)
    halved = spacetime.extract(clip, Ready(seen.timesformer(model), torch.bfloat16)).item
    assert halved @ expected / np.linalg.norm(halved) / np.linalg.norm(expected) > 0.999


def test_a_folder_is_measured_and_without_transformers_one_line(checkpoint, clip_folder, tmp_path, monkeypatch) -> None:
    measured = partial(
        extract_folder, clip_folder, ["timesformer"], tmp_path / "f.npy", workers=1, tick=lambda *_: None
    )
    with pytest.raises(ModelError, match="recommend models pull timesformer"):
        measured()
    pull("timesformer", checkpoint)
    done = measured()
    values = np.load(done.written[0], allow_pickle=False)
    assert values.shape == (done.computed, DIM)
    assert np.isfinite(values).all()
    assert not done.failed
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(
        ModelError, match=r"^timesformer needs the package transformers, .*: pip install 'cliptune\[timesformer\]'$"
    ):
        require("timesformer")
