"""The report: one file that needs nothing else, whatever names hold, with pictures, curves, sound and words."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pytest

import media_samples
from recommender.editing.placement import Fit, Placement, Stretch
from recommender.errors import InputError
from recommender.extractors.audio.beats import Beats
from recommender.media import Frame, video
from recommender.outputs.records import Answer
from recommender.page import Part, make_part, refuse_existing, steps, write_report
from recommender.page.layout import page
from recommender.page.markup import Markup, join, tag
from recommender.page.sound import chance_of_beat, hear, on_beats
from recommender.page.strip import COUNT, Strip, slides, still
from recommender.types import Affect, AffectPair, Moment, Reason, Recommendation, Track

NASTY = "a<script>alert(1)</script>\"'&amp;\u202egnp.\udcff\x1b[31m"
AFFECT = Affect(0.2, -0.3, 0.4, 0.4)
BEATS = Beats(np.arange(0, 20, 0.5), np.arange(40) % 4 == 0, 4, 0.9)


class Page(HTMLParser):
    """Elements of a page with their attributes, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.open: list[str] = []
        self.feed(html)

    def handle_starttag(self, name: str, attributes: list[tuple[str, str | None]]) -> None:
        self.found.append((name, dict(attributes)))
        if name not in ("meta", "img"):
            self.open.append(name)

    def handle_startendtag(self, name: str, attributes: list[tuple[str, str | None]]) -> None:
        self.found.append((name, dict(attributes)))

    def handle_endtag(self, name: str) -> None:
        assert self.open.pop() == name

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def all(self, name: str) -> list[dict[str, str | None]]:
        return [attributes for one, attributes in self.found if one == name]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip of 6 s with a cut at 3 s, a track of 20 s, a still."""
    folder = tmp_path_factory.mktemp("page")
    dark, light = (np.random.default_rng(i).integers(90 * i, 90 * i + 60, (48, 64, 3), np.uint8) for i in (0, 1))
    media_samples.clip(folder / "clip.mp4", [dark] * 24 + [light] * 24, fps=8)
    media_samples.sound(folder / "track.wav", media_samples.tone(20, level=0.25))
    media_samples.still(folder / "still.png")
    return folder


def moments(*arousal: float) -> tuple[Moment, ...]:
    return tuple(Moment(5.0 * i, 5.0 * i + 10, Affect(0.1, a, 0.4, 0.4)) for i, a in enumerate(arousal))


def answer(files: Path, title: str = "A tune", **more: object) -> Answer:
    track = Track(0, str(files / "track.wav"), "music", title, "Somebody", 20.0, 120.0, "A minor", licence="CC0")
    why = Reason("arc", 0.8, 0.0, "", 0.1, "course of feeling: rises with the picture", "rises with the picture")
    told = {"reasons": (why,), "course": moments(0.1, 0.4)}
    r = Recommendation(track, 0.9, 1, 2.0, 8.0, AffectPair(AFFECT, AFFECT), **told)
    given: dict[str, object] = {"recommendations": [r], "affect": AFFECT, "duration_s": 6.0}
    given |= {"clips": [files / "clip.mp4"], "course": moments(-0.2, 0.3)}
    return Answer(str(files / "clip.mp4"), **(given | more))


@pytest.fixture(scope="module")
def part(files: Path) -> Part:
    done: list[int] = []
    made = make_part(answer(files, speech=(Stretch(1.0, 2.0),)), lambda track: BEATS, lambda: done.append(1))
    assert len(done) == steps(made.answer) == 2
    return made


def test_text_from_outside_is_never_markup() -> None:
    assert tag("p", "<b>&", class_='"x') == '<p class="&quot;x">&lt;b&gt;&amp;</p>'
    assert join("a<", Markup("<br>")) == "a&lt;<br>"
    assert tag("video", controls=True, muted=False, src=None) == "<video controls></video>"
    assert join("\udcff\u202e\x1b") == "\\xff\\u202e\\x1b"


def test_a_part_holds_pictures_cuts_loudness_and_beats_on_the_clips_clock(part: Part) -> None:
    assert part.remarks == ()
    assert len(part.pictures) == COUNT
    assert part.pictures[0].jpeg[:2] == b"\xff\xd8"
    assert part.pictures[-1].end_s == pytest.approx(6.0)
    assert part.cuts_s == pytest.approx([3.0], abs=0.13)
    (heard,) = part.heard
    assert heard is not None
    assert heard.beats_s[:3] == pytest.approx([0.0, 0.5, 1.0])  # of the track 2.0 and on
    assert heard.downbeats_s == pytest.approx([0.0, 2.0, 4.0])
    assert len(heard.peaks) == 60
    assert heard.peaks.max() == pytest.approx(0.25, abs=0.03)
    # A sine of amplitude 1/4 in both channels: -12.04 - 0.69 LUFS, as the weighting leaves 440 Hz alone (BS.1770-5).
    assert heard.lufs == pytest.approx(-12.73, abs=0.1)


def test_of_a_track_in_pieces_beats_follow_the_pieces(files: Path) -> None:
    r = answer(files).recommendations[0]
    pieces = (Stretch(2.0, 4.0), Stretch(10.0, 12.0))
    placement = Placement(files / "clip.mp4", 6.0, files / "track.wav", pieces, at_s=1.0)
    heard = hear(Recommendation(**(vars(r) | {"placement": placement})), BEATS)
    assert heard.at_s == 1.0
    assert heard.beats_s == pytest.approx(np.arange(1.0, 5.0, 0.5))
    assert heard.joints_s == (3.0,)


def test_what_was_fitted_is_shown_though_no_film_was_made(files: Path) -> None:
    r = answer(files).recommendations[0]
    fit = Fit((Stretch(2.0, 4.0), Stretch(10.0, 12.0)), (), 0.02, 0.02, 0.0)
    told = answer(files, recommendations=[replace(r, fit=fit), replace(r, unfit="no bars")])
    made = make_part(told, lambda track: BEATS)
    assert made.heard[0] is not None
    assert made.heard[0].beats_s == pytest.approx(np.arange(0.0, 4.0, 0.5))
    assert made.heard[0].joints_s == (2.0,)
    shown = "".join(Page(page([made], files)).text)
    assert "Use0:02 to 0:04, 0:10 to 0:12 of 0:20" in shown
    assert "Use0:02 to 0:08 of 0:20Not fittedno bars" in shown


def test_cuts_on_beats_are_counted_beside_chance() -> None:
    beats = np.array([1.0, 2.0, 3.0])
    assert on_beats([1.05, 1.5, 2.93, 9.0], beats) == [True, False, True, False]
    assert on_beats([1.0], np.zeros(0)) == [False]
    assert chance_of_beat(beats, 4.0) == pytest.approx(3 * 0.16 / 4)
    assert chance_of_beat(np.array([1.0, 1.01]), 4.0) == pytest.approx(0.17 / 4)  # what they share counts once


def test_the_page_is_one_file_without_script_that_asks_for_nothing(part: Part, tmp_path: Path) -> None:
    write_report([part], tmp_path / "out.html")
    html = (tmp_path / "out.html").read_text(encoding="utf-8")
    found = Page(html)
    assert found.open == []
    assert not found.all("script")
    assert not found.all("link")
    policy = next(meta["content"] for meta in found.all("meta") if meta.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert not re.search(r"""(?:src|href|poster)=["'](?!data:image/jpeg|#)""", html)
    assert "url(" not in html
    assert "http:" not in html.replace("http-equiv", "")
    assert not [name for name, given in found.found if "style" in given]  # the policy would not let it in
    assert len(html) * 10 < 1_000_000


def test_the_page_tells_in_words_what_it_draws(part: Part, tmp_path: Path) -> None:
    found = Page(page([part], tmp_path))
    told = " ".join(found.text)
    for words in ("calm", "A tune", "Somebody", "0:02 to 0:08 of 0:20", "120 bpm", "A minor", "CC0", "LUFS"):
        assert words in told
    assert "Fits: rises with the picture" in "".join(found.text)
    assert "somebody speaks" in told
    assert "1 of 1 cut on a beat" in told
    assert all(image["alt"] for image in found.all("img"))
    assert found.all("html")[0]["lang"] == "en"
    plots = [svg for svg in found.all("svg") if svg.get("role") == "img"]
    assert len([name for name, _ in found.found if name == "title"]) == len(plots) + 1
    assert "Energy of the music: from +0.1 to +0.4, give or take 0.4; of the picture: from \u22120.2 to +0.3" in told


def test_names_may_hold_anything(files: Path, tmp_path: Path) -> None:
    made = make_part(answer(files, NASTY), lambda track: None)
    write_report([made], tmp_path / "out.html")
    html = (tmp_path / "out.html").read_text(encoding="utf-8")
    assert "<script" not in html
    assert "&lt;script&gt;alert(1)" in html
    assert "\\u202e" in html
    assert "\\xff" in html
    assert Page(html).open == []


def test_previews_play_by_their_relative_names(part: Part, tmp_path: Path) -> None:
    r = part.answer.recommendations[0]
    film = str(tmp_path / "films" / "a #1 100 %.mp4")
    heard = Recommendation(**(vars(r) | {"preview": film}))
    shown = Part(Answer(**(vars(part.answer) | {"recommendations": [heard]})), 6.0)
    (video,) = Page(page([shown], tmp_path / "pages")).all("video")
    assert video["src"] == "./../films/a%20%231%20100%20%25.mp4"
    assert video["preload"] == "none"
    assert video.get("poster") is None  # no picture is known of this clip
    assert "controls" in video


def test_several_clips_are_parts_of_one_page_and_failures_are_told(part: Part, tmp_path: Path) -> None:
    failed = Part(Answer("broken.mp4", error="cannot read 'broken.mp4': it is <empty>"))
    found = Page(page([part, failed], tmp_path))
    assert [section["id"] for section in found.all("section")] == ["clip-1", "clip-2"]
    assert {link["href"] for link in found.all("a")} == {"#clip-1", "#clip-2"}
    assert "it is <empty>" in "".join(found.text)


def test_a_track_that_is_gone_is_told_and_the_rest_is_shown(files: Path) -> None:
    told = answer(files)
    gone = Recommendation(**(vars(told.recommendations[0]) | {"track": Track(0, "/gone.wav", "music", "Gone")}))
    made = make_part(Answer(**(vars(told) | {"recommendations": [gone]})), lambda track: None)
    assert made.heard == (None,)
    assert "/gone.wav" in made.remarks[0]
    assert "Gone" in page([made], files)


def test_stills_and_slideshows_have_their_pictures(files: Path) -> None:
    (one,) = still(files / "still.png", 10.0)
    assert (one.width, one.height) == (64, 48)
    shown = slides([files / "still.png", files / "clip.mp4", files / "still.png"], 4.0)
    assert [picture.start_s for picture in shown] == pytest.approx([0.0, 4.0, 10.0])
    assert shown[-1].end_s == pytest.approx(14.0)


def test_a_row_shows_the_picture_that_stands_in_the_middle_of_each_share() -> None:
    row, seconds = Strip(10.0), (0.0, 0.5, 2.4, 2.6, 7.5, 7.6, 8.0)
    for grey, t_s in enumerate(seconds):
        row.see(Frame(t_s, np.full((4, 4, 3), 30 * grey, np.uint8)))
    greys = [round(cv2.imdecode(np.frombuffer(one.jpeg, np.uint8), 0).mean() / 30) for one in row.pictures()]
    assert greys == [1, 1, 2, 3, 3, 3, 3, 4, 6, 6]
    assert [one.at_s for one in row.pictures()] == pytest.approx(np.arange(0.5, 10.0))


def test_a_clip_is_decoded_once(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decoded, plain = [], video.decode_frames
    monkeypatch.setattr(video, "decode_frames", lambda *given: decoded.append(1) or plain(*given))
    assert len(make_part(answer(files, recommendations=[]), lambda track: None).pictures) == COUNT
    assert decoded == [1]


def test_a_report_is_not_replaced_unasked(part: Part, tmp_path: Path) -> None:
    path = tmp_path / "out.html"
    path.write_text("mine", encoding="utf-8")
    with pytest.raises(InputError, match="is there already"):
        write_report([part], path)
    assert path.read_text(encoding="utf-8") == "mine"
    write_report([part], path, overwrite=True)
    assert path.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    with pytest.raises(InputError, match="is a folder"):
        refuse_existing(tmp_path, overwrite=True)


def test_a_model_without_affect_still_has_a_page(files: Path, tmp_path: Path) -> None:
    emotions = {"exciting": 0.6, "relaxing": 0.4}
    told = answer(files)
    bare = Recommendation(told.recommendations[0].track, 0.4, 1, 2.0, 8.0, AffectPair(None, None), fits=False)
    made = make_part(
        answer(files, affect=None, course=(), emotions=emotions, recommendations=[bare]), lambda track: None
    )
    words = " ".join(Page(page([made], tmp_path)).text)
    assert "exciting 60 %" in words
    assert "below 50 %" in words


def test_a_film_that_begins_black_is_shown_by_its_first_picture_with_something_to_see(tmp_path):
    black = np.zeros((48, 64, 3), np.uint8)
    board = np.where(np.add.outer(np.arange(48) // 8, np.arange(64) // 8)[..., None] % 2, 230, 20).astype(np.uint8)
    board = np.broadcast_to(board, (48, 64, 3))
    for name, pictures, seen in (("lead.mp4", [black] * 5 + [board] * 10, True), ("all.mp4", [black] * 10, False)):
        (shown,) = still(media_samples.clip(tmp_path / name, pictures, fps=2), 5.0)
        decoded = cv2.imdecode(np.frombuffer(shown.jpeg, np.uint8), cv2.IMREAD_COLOR)
        assert (decoded.std() > 50) == seen
