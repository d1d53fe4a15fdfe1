"""Tables of rated pairs: every cell checked, media measured once, files shared by pairs kept in one group."""

import numpy as np
import pytest

import media_samples
from pieces import SR_HZ, chords
from recommender.errors import InputError
from training.retrieval.rated_pairs import measure_files, read_rated_pairs


@pytest.fixture
def folder(tmp_path):
    """Empty files of the names used below."""
    for name in ("a.mp4", "b.mp4", "x.mp3", "y.mp3"):
        (tmp_path / name).touch()
    return tmp_path


def table(folder, text):
    (folder / "pairs.csv").write_text(text)
    return folder / "pairs.csv"


def test_ratings_and_affect_by_hand(folder):
    pairs = read_rated_pairs(
        table(
            folder,
            "music,score,video,video_valence,music_valence,video_arousal,music_arousal\n"
            "x.mp3,1,a.mp4,.1,.2,.3,.4\ny.mp3,4,a.mp4,.1,-.2,.3,-.4\nx.mp3,5,b.mp4,0,.2,0,.4\n",
        )
    )
    assert pairs.ratings
    assert pairs.score.tolist() == [0, 0.75, 1]
    assert pairs.video == ("a.mp4", "a.mp4", "b.mp4")
    assert pairs.dimensions == ("valence", "arousal")
    assert pairs.music_affect.tolist() == [[0.2, 0.4], [-0.2, -0.4], [0.2, 0.4]]
    features = {"a.mp4": np.ones(2), "b.mp4": np.zeros(2)}, {"x.mp3": np.ones(3), "y.mp3": np.zeros(3)}
    scored = pairs.with_features(*features)
    assert scored.video.tolist() == [[1, 1], [1, 1], [0, 0]]
    assert len(set(scored.group.tolist())) == 1  # a links x and y, x links a and b
    without = pairs.with_features(features[0], {"x.mp3": np.ones(3)})
    assert without.score.tolist() == [0, 1]


def test_emotions_and_binary_scores(folder):
    text = "video,music,score,video_emotion,music_emotion\na.mp4,x.mp3,1,sad,sad\nb.mp4,y.mp3,0,tense,relax\n"
    pairs = read_rated_pairs(table(folder, text))
    assert not pairs.ratings
    assert pairs.classes
    assert pairs.video_affect.argmax(axis=1).tolist() == [3, 2]
    assert pairs.music_affect.argmax(axis=1).tolist() == [3, 4]
    features = {"a.mp4": np.ones(2), "b.mp4": np.zeros(2)}, {"x.mp3": np.ones(3), "y.mp3": np.zeros(3)}
    assert len(set(pairs.with_features(*features).group.tolist())) == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty; a header with video, music, score is needed"),
        ("video,music\n", "the header needs one column 'score'"),
        ("video,music,score\n", "no rows below the header"),
        ("video,music,score\na.mp4,x.mp3\n", "line 2: 2 cells under 3 column names"),
        ("video,music,score\na.mp4,x.mp3,good\n", "line 2: score 'good' is no number"),
        ("video,music,score\na.mp4,x.mp3,nan\n", "line 2: score 'nan' is no number"),
        ("video,music,score\na.mp4,x.mp3,7\n", "rating 7 lies outside 1 to 5"),
        ("video,music,score\na.mp4,x.mp3,-1\n", "must lie from 0 to 1, or from 1 to 5"),
        ("video,music,score\na.mp4,z.mp3,1\n", "line 2: no file .*z.mp3"),
        ("video,music,score\na.mp4,x.mp3,1\na.mp4,x.mp3,0\n", "line 3: the pair is already in line 2"),
        ("video,music,score,video_joy\na.mp4,x.mp3,1,0\n", "affect 'joy' needs both video_joy and music_joy"),
        ("video,music,score,video_emotion,music_emotion\na.mp4,x.mp3,1,sad,hungry\n", "line 2: .*hungry"),
        (
            "video,music,score,video_emotion,music_emotion,video_joy,music_joy\na.mp4,x.mp3,1,sad,sad,1,1\n",
            "emotions or other affect dimensions, not both",
        ),
    ],
)
def test_what_is_wrong_is_one_line_with_its_place(folder, text, message):
    with pytest.raises(InputError, match=message) as error:
        read_rated_pairs(table(folder, text))
    assert "\n" not in str(error.value)


def test_media_are_measured_once_and_failures_told(tmp_path):
    media_samples.sound(tmp_path / "a.wav", chords((0, 4, 7), 0.5, 3, 0), SR_HZ)
    (tmp_path / "broken.wav").write_bytes(b"no sound")
    ticks = []
    names = ["a.wav", "broken.wav", "a.wav", "absent.wav"]
    found, failed = measure_files(
        names, tmp_path, "music", cache=tmp_path / "cache", workers=1, tick=lambda *now: ticks.append(now)
    )
    assert set(found) == {"a.wav"}
    assert set(failed) == {"broken.wav", "absent.wav"}
    assert ticks[-1] == (3, 3)
    (kept,) = (tmp_path / "cache").rglob("*.npy")
    before = kept.stat().st_mtime_ns
    again, _ = measure_files(["a.wav"], tmp_path, "music", cache=tmp_path / "cache", workers=1, tick=lambda *_: None)
    assert np.array_equal(again["a.wav"], found["a.wav"])
    assert kept.stat().st_mtime_ns == before
