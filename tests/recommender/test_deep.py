"""Features from pretrained networks: what the networks are given, and how embeddings become windows."""

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed (extra `train`)")

from recommender.deep import pictures, sound  # noqa: E402
from recommender.deep.inference import Ready, batches  # noqa: E402
from recommender.deep.pooled import pooled  # noqa: E402
from recommender.errors import MediaError, ModelError  # noqa: E402
from recommender.features import logmel  # noqa: E402
from recommender.media import Frame  # noqa: E402
from recommender.model import Model, retrieval  # noqa: E402
from recommender.nets.slowfast import SlowFast, SlowFastConfig  # noqa: E402
from recommender.nets.vggish import VGGish  # noqa: E402


def first_frame(slow: np.ndarray, fast: np.ndarray) -> np.ndarray:
    """A stand-in for SlowFast: means of the first and last frames that either network is given."""
    assert slow.shape[1:] == (3, 8, 256, 256)
    assert fast.shape[1:] == (3, 32, 256, 256)
    means = [x[:, 0, i].mean(axis=(1, 2)) for x in (slow, fast) for i in (0, -1)]
    return np.stack(means + [np.zeros(len(slow))] * (len(pictures.COLUMNS) - 4), axis=1).astype(np.float32)


def flat(count: int) -> list[Frame]:
    """Grey frames that brighten by one level each."""
    return [Frame(k / pictures.FPS, np.full((90, 160, 3), k, np.uint8)) for k in range(count)]


def test_slowfast_sees_32_frames_and_every_fourth_of_them() -> None:
    found = pictures.from_frames(flat(70), first_frame)
    level = found.item[:4] * pictures.SD + pictures.MEAN
    # two whole clips, of frames 0 to 31 and 32 to 63; six frames are left over
    np.testing.assert_allclose(level * 255, [16, 47, 16, 47], atol=1e-3)
    assert found.duration_s == pytest.approx(70 / 15)
    assert found.facts == {"still": False, "frames": 70}
    np.testing.assert_array_equal(pictures.SLOW, [0, 4, 8, 13, 17, 22, 26, 31])


def test_what_is_shorter_than_a_clip_is_held_at_its_last_frame() -> None:
    found = pictures.from_frames(flat(3), first_frame)
    np.testing.assert_allclose((found.item[:2] * pictures.SD + pictures.MEAN) * 255, [0, 2], atol=1e-3)
    still = pictures.from_frames(flat(1), first_frame)
    assert still.facts["still"] is True
    assert still.windows.tolist() == [[0.0, 0.0]]
    with pytest.raises(MediaError, match="No picture to measure"):
        pictures.from_frames([], first_frame)


@pytest.mark.parametrize("size", [(90, 160), (160, 90), (256, 256), (1080, 1920), (2, 700)])
def test_the_middle_square_is_cut_out(size: tuple[int, int]) -> None:
    height, width = size
    ramp = np.zeros((height, width, 3), np.uint8)
    long = max(size)
    values = np.linspace(0, 200, long).astype(np.uint8)
    ramp[:] = values[:, None, None] if height >= width else values[None, :, None]
    found = pictures.square(ramp) * pictures.SD + pictures.MEAN
    assert found.shape == (256, 256, 3)
    assert found.dtype == np.float32
    assert found.mean() * 255 == pytest.approx(100, abs=2)
    spread = (found.max() - found.min()) * 255
    assert spread == pytest.approx(200 * min(size) / long, abs=6)


def test_sound_is_averaged_over_the_patches_of_a_window() -> None:
    def loudness(patches: np.ndarray) -> np.ndarray:
        return np.repeat(patches.mean(axis=(1, 2))[:, None], 128, axis=1)

    rng = np.random.default_rng(0)
    samples = rng.normal(size=15 * logmel.SR_HZ).astype(np.float32) * np.linspace(0.01, 1, 15 * logmel.SR_HZ)
    found = sound.from_blocks(np.array_split(samples, 7), loudness, {"bpm": 90.0})
    assert found.windows.tolist() == [[0, 10], [5, 15]]
    by_hand = loudness(np.array(list(logmel.patches([samples]))))[:, 0]
    middles = (np.arange(len(by_hand)) + 0.5) * 0.96
    np.testing.assert_allclose(found.values[1, 0], by_hand[(middles >= 5) & (middles < 15)].mean(), rtol=1e-6)
    np.testing.assert_allclose(found.item[0], by_hand.mean(), rtol=1e-6)
    assert found.facts == {"bpm": 90.0}


def test_short_sound_is_filled_up_and_none_is_an_error() -> None:
    seen = []

    def network(patches: np.ndarray) -> np.ndarray:
        seen.append(patches)
        return np.ones((len(patches), 128), np.float32)

    tone = np.sin(np.arange(8000) / 5).astype(np.float32)
    found = sound.from_blocks([tone[:100], tone[100:]], network)
    assert found.duration_s == 0.5
    np.testing.assert_array_equal(seen[0][0], logmel.log_mel(np.pad(tone, (0, logmel.NEEDED - 8000))))
    with pytest.raises(MediaError, match="No sound to measure"):
        sound.from_blocks([], network)


def test_a_window_without_the_middle_of_an_embedding_takes_the_nearest() -> None:
    found = pooled(("a",), np.array([[1.0], [2.0]]), 12.0, 24.0, {})
    assert found.windows.tolist() == [[0, 10], [5, 15], [10, 20]]
    assert found.values[:, 0].tolist() == [1.0, 1.0, 2.0]
    assert found.item.tolist() == [1.5]


def test_half_precision_stays_near_and_rows_are_independent() -> None:
    torch.manual_seed(0)
    net = VGGish()
    rows = np.random.default_rng(0).normal(size=(5, 96, 64)).astype(np.float32)
    exact = Ready(net, torch.float32)
    full = exact(rows)
    np.testing.assert_allclose(np.concatenate([exact(b) for b in batches(rows, 2)]), full, atol=1e-5)
    halved = Ready(net, torch.bfloat16)(rows)
    cosine = (halved * full).sum(1) / np.linalg.norm(halved, axis=1) / np.linalg.norm(full, axis=1)
    assert cosine.min() > 0.999


def test_a_real_song_and_a_real_clip(shared_data: Path) -> None:
    torch.manual_seed(0)
    song = sorted((shared_data / "music").rglob("*.ogg"))[0]
    heard = sound.extract(song, Ready(VGGish()))
    assert heard.values.shape == (len(heard.windows), 128)
    assert np.isfinite(heard.values).all()
    assert "bpm" in heard.facts
    tiny = Ready(SlowFast(SlowFastConfig((1, 1, 1, 1))).fold())
    seen = pictures.extract(sorted((shared_data / "clips").glob("*.gif"))[0], tiny)
    assert seen.values.shape == (len(seen.windows), 2304)
    assert np.isfinite(seen.values).all()


def test_a_model_of_deep_features_works_on_media_once_its_networks_are_there(
    music_folder: Path, clip_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLIPTUNE_HOME", str(tmp_path))
    model = Model.load("emomv-c")
    song, clip = music_folder / "slow minor.wav", clip_folder / "calm.mp4"
    with pytest.raises(ModelError, match="recommend models pull vggish"):
        model.check_media("music")
    with pytest.raises(ModelError, match="recommend models pull slowfast"):
        model.analyse(clip, "video")
    rng = np.random.default_rng(0)
    monkeypatch.setattr(retrieval, "require", lambda name: None)
    monkeypatch.setattr(sound, "published", lambda name: lambda x: rng.random((len(x), 128), np.float32))
    monkeypatch.setattr(pictures, "published", lambda name: lambda x, y: rng.random((len(x), 2304), np.float32))
    heard, seen = model.analyse(song, "music"), model.analyse(clip, "video")
    for found, modality in ((heard, "music"), (seen, "video")):
        assert found.vectors.shape == (len(found.features.windows), model.space.dim)
        np.testing.assert_allclose(np.linalg.norm(found.vectors, axis=1), 1, rtol=1e-5)
        assert found.features.columns == model.columns(modality)
    assert "bpm" in heard.features.facts
