"""Features from pretrained networks: what the networks are given, and how embeddings become windows."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="torch is not installed (extra `train`)")

from recommender.errors import MediaError, ModelError  # noqa: E402
from recommender.extractors.audio import logmel  # noqa: E402
from recommender.extractors.networks import seen  # noqa: E402
from recommender.extractors.networks.slowfast import SlowFast, SlowFastConfig  # noqa: E402
from recommender.extractors.networks.vggish import VGGish  # noqa: E402
from recommender.extractors.pretrained import clips, inference, pictures, sound, spacetime  # noqa: E402
from recommender.extractors.pretrained.extractor import Reading, embed, single  # noqa: E402
from recommender.extractors.pretrained.inference import Ready, pad_rows  # noqa: E402
from recommender.extractors.pretrained.pooled import pool_windows  # noqa: E402
from recommender.media import Frame  # noqa: E402
from recommender.model import Model  # noqa: E402
from recommender.types import Features  # noqa: E402


def first_and_last(batch: np.ndarray) -> np.ndarray:
    """A stand-in for a network: means of the first and last frames, then how many there are."""
    assert batch.dtype == np.uint8
    means = [batch[:, i].mean(axis=(1, 2, 3)) for i in (0, -1)]
    return np.stack([*means, np.full(len(batch), batch.shape[1])], axis=1).astype(np.float32)


def flat(count: int, fps: float) -> list[Frame]:
    """Grey frames that brighten by one level each."""
    return [Frame(k / fps, np.full((90, 160, 3), k, np.uint8)) for k in range(count)]


def shown(frames: list[Frame], sampling: clips.Sampling) -> Features:
    """Features of frames by the stand-in."""
    return single(clips.from_frames(frames, ("first", "last", "frames"), sampling), first_and_last, 2)


def test_slowfast_sees_32_frames_and_every_fourth_of_them() -> None:
    found = shown(flat(70, 15.0), pictures.SAMPLING)
    # two whole clips, of frames 0 to 31 and 32 to 63; six frames are left over
    np.testing.assert_allclose(found.item, [16, 47, 32], atol=1e-3)
    assert found.duration_s == pytest.approx(70 / 15)
    assert found.facts == {"still": False, "frames": 70}
    np.testing.assert_array_equal(seen.SLOW, [0, 4, 8, 13, 17, 22, 26, 31])

    class Both(torch.nn.Module):
        def forward(self, slow: torch.Tensor, fast: torch.Tensor) -> torch.Tensor:
            assert fast.shape == (1, 3, 32, 4, 4)
            assert fast.is_contiguous(memory_format=torch.channels_last_3d)
            return torch.cat([x[:, 1, :, 2, 3] for x in (slow, fast)], dim=1)

    levels = np.arange(32, dtype=np.uint8)[None, :, None, None, None] * np.ones((4, 4, 3), np.uint8)
    wrapped = seen.slowfast(Both())
    wrapped.register_parameter("any", torch.nn.Parameter(torch.zeros(1)))  # networks have some: they tell the type
    told = Ready(wrapped, torch.float32)(levels) * seen.SD + seen.MEAN
    np.testing.assert_allclose(told[0] * 255, [*seen.SLOW, *range(32)], atol=1e-4)


def test_timesformer_sees_eight_of_256_frames_and_what_is_left_from_half_a_clip_on() -> None:
    assert spacetime.SAMPLING.step_s * 7 == pytest.approx(255 / 30)
    # 17 pictures at 14 per second from one to the next: 0, 17, ..., 119, then from 136 on
    found = shown(flat(14 * 10, 14.0), spacetime.SAMPLING)
    assert found.item.tolist() == [0, 119, 8]
    assert found.duration_s == pytest.approx(10)
    assert found.facts["frames"] == 9
    # 14 s: frames 0 to 187 of 14 per second, twelve of them seen; the last eight make a clip
    longer = shown(flat(14 * 14, 14.0), spacetime.SAMPLING)
    assert longer.item.tolist() == [(0 + 4 * 17) / 2, (119 + 187) / 2, 8]
    assert longer.windows.tolist() == [[0, 10]]
    twice = shown(flat(250, 14.0), spacetime.SAMPLING)  # 15 seen: clips from 0 and from 7, middles at 4.9 s and 13.4 s
    assert twice.values[:, 0].tolist() == [0, 7 * 17]


@pytest.mark.parametrize("sampling", [pictures.SAMPLING, spacetime.SAMPLING])
def test_what_is_shorter_than_a_clip_is_held_at_its_last_frame(sampling: clips.Sampling) -> None:
    last = 2 * sampling.every
    found = shown(flat(last + 1, sampling.fps), sampling)
    assert found.item.tolist() == [0, last, sampling.frames]
    still = shown(flat(1, sampling.fps), sampling)
    assert still.facts["still"] is True
    assert still.windows.tolist() == [[0.0, 0.0]]
    with pytest.raises(MediaError, match="No picture to measure"):
        shown([], sampling)


@pytest.mark.parametrize("size", [(90, 160), (160, 90), (256, 256), (1080, 1920), (2, 700)])
def test_the_middle_square_is_cut_out(size: tuple[int, int]) -> None:
    height, width = size
    ramp = np.zeros((height, width, 3), np.uint8)
    long = max(size)
    values = np.linspace(0, 200, long).astype(np.uint8)
    ramp[:] = values[:, None, None] if height >= width else values[None, :, None]
    found = clips.square(ramp, 256)
    assert found.shape == (256, 256, 3)
    assert found.dtype == np.uint8
    assert found.mean() == pytest.approx(100, abs=2)
    spread = int(found.max()) - int(found.min())
    assert spread == pytest.approx(200 * min(size) / long, abs=6)


def test_sound_is_averaged_over_the_patches_of_a_window() -> None:
    def loudness(patches: np.ndarray) -> np.ndarray:
        return np.repeat(patches.mean(axis=(1, 2))[:, None], 128, axis=1)

    rng = np.random.default_rng(0)
    samples = rng.normal(size=15 * logmel.SR_HZ).astype(np.float32) * np.linspace(0.01, 1, 15 * logmel.SR_HZ)
    found = single(sound.from_blocks(np.array_split(samples, 7)), loudness, 16)
    assert found.windows.tolist() == [[0, 10], [5, 15]]
    by_hand = loudness(np.array(list(logmel.patches([samples]))))[:, 0]
    centres = (np.arange(len(by_hand)) + 0.5) * 0.96
    np.testing.assert_allclose(found.values[1, 0], by_hand[(centres >= 5) & (centres < 15)].mean(), rtol=1e-6)
    np.testing.assert_allclose(found.item[0], by_hand.mean(), rtol=1e-6)


def test_short_sound_is_filled_up_and_none_is_an_error() -> None:
    given_patches = []

    def network(patches: np.ndarray) -> np.ndarray:
        given_patches.append(patches)
        return np.ones((len(patches), 128), np.float32)

    tone = np.sin(np.arange(8000) / 5).astype(np.float32)
    found = single(sound.from_blocks([tone[:100], tone[100:]]), network, 16)
    assert found.duration_s == 0.5
    np.testing.assert_array_equal(given_patches[0][0], logmel.log_mel(np.pad(tone, (0, logmel.NEEDED - 8000))))
    with pytest.raises(MediaError, match="No sound to measure"):
        single(sound.from_blocks([]), network, 16)


def test_a_window_without_the_middle_of_an_embedding_takes_the_nearest() -> None:
    found = pool_windows(("a",), np.array([[1.0], [2.0]]), np.array([6.0, 18.0]), duration_s=24.0, facts={})
    assert found.windows.tolist() == [[0, 10], [5, 15], [10, 20]]
    assert found.values[:, 0].tolist() == [1.0, 1.0, 2.0]
    assert found.item.tolist() == [1.5]


def test_half_precision_stays_near_and_rows_are_independent() -> None:
    torch.manual_seed(0)
    net = VGGish()
    rows = np.random.default_rng(0).normal(size=(5, 96, 64)).astype(np.float32)
    exact = Ready(net, torch.float32)
    full = exact(rows)
    np.testing.assert_allclose(np.concatenate([exact(rows[:2]), exact(rows[2:])]), full, atol=1e-5)
    half = Ready(net, torch.bfloat16, rows=16)
    near = half(rows)
    alone = np.concatenate([half(rows[4:]), half(rows[:1]), half(rows[1:3])])
    if inference.precision() is torch.bfloat16:
        np.testing.assert_array_equal(alone, near[[4, 0, 1, 2]])
    else:  # emulated, and then not used
        np.testing.assert_allclose(alone, near[[4, 0, 1, 2]], rtol=0.02, atol=0.01 * near.max())
    cosine = (near * full).sum(1) / np.linalg.norm(near, axis=1) / np.linalg.norm(full, axis=1)
    assert cosine.min() > 0.999


def reading(name: int, pieces: int, error: Exception | None = None) -> Reading:
    """A file whose pieces are its name; its features hold the embeddings as they came."""

    def arrays() -> Iterator[np.ndarray]:
        yield from (np.full(2, name + k / 100) for k in range(pieces))
        if error:
            raise error

    return Reading(arrays(), lambda rows: Features(("a",), np.zeros((1, 2)), rows, rows[0], float(name), {}))


@given(st.lists(st.tuples(st.integers(1, 7), st.booleans()), max_size=9), st.integers(1, 6))
def test_files_share_batches_and_get_their_own_back_in_order(files: list[tuple[int, bool]], size: int) -> None:
    batches, opened = [], 0

    def network(batch: np.ndarray) -> np.ndarray:
        batches.append(len(batch))
        return batch[:, :1] * 2

    def readings() -> Iterator[Reading]:
        nonlocal opened
        for opened, (pieces, fails) in enumerate(files, 1):
            yield reading(opened, pieces, MediaError(f"file {opened}") if fails else None)

    found = []
    for one in embed(readings(), network, size):
        found.append(one)
        assert opened - len(found) <= size or opened == len(files)  # nobody waits for more than fills one batch
    for name, (one, (pieces, fails)) in enumerate(zip(found, files, strict=True), 1):
        if fails:
            assert str(one) == f"file {name}"
        else:
            np.testing.assert_allclose(one.values[:, 0], [2 * (name + k / 100) for k in range(pieces)])
    total = sum(n for n, _ in files)
    assert batches == [size] * (total // size) + [total % size] * bool(total % size)


def test_a_small_batch_is_filled_up_with_its_last_row() -> None:
    rows = np.arange(6.0).reshape(3, 2)
    assert pad_rows(rows, 5).tolist() == [[0, 1], [2, 3], [4, 5], [4, 5], [4, 5]]
    assert pad_rows(rows, 3) is rows
    assert pad_rows(rows, 0) is rows


@pytest.mark.gpu
def test_on_a_gpu_a_row_does_not_depend_on_its_batch() -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    inference.device.cache_clear()
    rows = np.random.default_rng(0).normal(size=(32, 96, 64)).astype(np.float32)
    net = Ready(VGGish(), rows=32)
    full = net(rows)
    np.testing.assert_array_equal(net(rows[5:6]), full[5:6])
    np.testing.assert_array_equal(net(rows), full)


def test_a_real_song_and_a_real_clip(shared_data: Path) -> None:
    torch.manual_seed(0)
    song = sorted((shared_data / "music").rglob("*.ogg"))[0]
    network = Ready(VGGish())
    heard = sound.extract(song, network)
    assert heard.values.shape == (len(heard.windows), 128)
    assert np.isfinite(heard.values).all()
    assert "bpm" in heard.facts
    broken = shared_data / "README.md"
    first, none, again = sound.EXTRACTOR.each([song, broken, song], network)
    assert isinstance(none, MediaError)
    for one in (first, again):  # between others, in other batches
        np.testing.assert_allclose(one.values, heard.values, rtol=1e-3, atol=1e-5)
    tiny = Ready(seen.slowfast(SlowFast(SlowFastConfig((1, 1, 1, 1)))))
    watched = pictures.extract(sorted((shared_data / "clips").glob("*.gif"))[0], tiny)
    assert watched.values.shape == (len(watched.windows), 2304)
    assert np.isfinite(watched.values).all()


def test_a_model_of_pretrained_features_works_on_media_once_its_networks_are_there(
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
    monkeypatch.setattr("recommender.weights.require", lambda name: None)
    width = {"vggish": 128, "slowfast": 2304}
    stand_in = lambda name, *_: lambda x: rng.random((len(x), width[name]), np.float32)  # noqa: E731
    monkeypatch.setattr(inference, "load_published", stand_in)
    heard, watched = model.analyse(song, "music"), model.analyse(clip, "video")
    for found, modality in ((heard, "music"), (watched, "video")):
        assert found.vectors.shape == (len(found.features.windows), model.space.dim)
        np.testing.assert_allclose(np.linalg.norm(found.vectors, axis=1), 1, rtol=1e-5)
        assert found.features.columns == model.library_columns(modality)
    assert "bpm" in heard.features.facts
