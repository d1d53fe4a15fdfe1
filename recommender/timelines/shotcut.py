"""A Shotcut project: a background, the clip on V1, the chosen music on A1, alternatives muted below."""

from pathlib import Path

from recommender.timelines import mlt
from recommender.timelines.timeline import Mark, Timeline, Track
from recommender.timelines.xml import Element, add, add_properties, save, words

_COLOURS = {"cut": "#d00000", "downbeat": "#00a000", "scene": "#c08000", "beat": "#0080c0"}


def write(timeline: Timeline, path: Path) -> None:
    """A project; `shotcut` on the tractor makes it a timeline, `main_bin` the playlist that it wants."""
    root = mlt.start(timeline, title="cliptune", producer="main_bin")
    _bin(root, timeline)
    mlt.colour(root, "black", frames=timeline.frames, set_o_test_audio=0)
    background = add(root, "playlist", id="background")
    mlt.entry(background, "black", 0, frames=timeline.frames)
    known = {"shotcut__caption": words(timeline.clip.name)}
    clip = mlt.producer(root, "clip", timeline.clip, frames=timeline.frames, **known)
    mlt.own_volume(clip, timeline, shotcut__filter="audioGain")
    video = add(root, "playlist", id="playlist0")
    add_properties(video, shotcut__video=1, shotcut__name="V1")
    mlt.entry(video, "clip", 0, frames=timeline.frames)
    for place, track in enumerate(timeline.tracks):
        _music(root, timeline, track, place=place)
    _tractor(root, timeline)
    save(root, path)


def _bin(root: Element, timeline: Timeline) -> None:
    """Everything that is used, to drag from."""
    mlt.producer(root, "bin_clip", timeline.clip, frames=timeline.frames, shotcut__caption=words(timeline.clip.name))
    for place, music in enumerate(timeline.music):
        frames = mlt.music_frames(music)
        mlt.producer(root, f"bin_music{place}", music.path, frames=frames, shotcut__caption=words(music.title))
    shelf = add(root, "playlist", id="main_bin")
    add_properties(shelf, xml_retain=1, shotcut__projectAudioChannels=2, shotcut__projectFolder=0)
    mlt.entry(shelf, "bin_clip", 0, frames=timeline.frames)
    for place, music in enumerate(timeline.music):
        mlt.entry(shelf, f"bin_music{place}", 0, frames=mlt.music_frames(music))


def _music(root: Element, timeline: Timeline, track: Track, *, place: int) -> None:
    """A track; each piece has a producer of its own, which its filter belongs to."""
    pieces = [(number, music, part) for number, music in track.music for part in enumerate(music.parts)]
    for number, music, (count, part) in pieces:
        name, frames, caption = f"music{number}_{count}", mlt.music_frames(music), words(music.title)
        made = mlt.producer(root, name, music.path, frames=frames, shotcut__caption=caption, video_index=-1)
        mlt.volume(made, timeline, (music, part), shotcut__filter="audioGain")
    playlist = add(root, "playlist", id=f"playlist{place + 1}")
    add_properties(playlist, shotcut__audio=1, shotcut__name=f"A{place + 1}")
    at = 0
    for number, _, (count, part) in pieces:
        mlt.blank(playlist, part.start - at)
        mlt.entry(playlist, f"music{number}_{count}", part.first, frames=part.frames)
        at = part.end


def _tractor(root: Element, timeline: Timeline) -> None:
    tractor = add(root, "tractor", id="tractor0", title="cliptune", in_=0, out=timeline.frames - 1)
    add_properties(tractor, shotcut=1, shotcut__projectAudioChannels=2, shotcut__projectFolder=0)
    if timeline.marks:
        markers = add(tractor, "properties", name="shotcut:markers")
        for number, mark in enumerate(timeline.marks):
            _marker(markers, timeline, mark, number=number)
    add(tractor, "track", producer="background")
    muted = {"hide": "audio"} if timeline.own_db is None else {}
    add(tractor, "track", producer="playlist0", **muted)
    tracks = timeline.tracks
    for place, track in enumerate(tracks):
        add(tractor, "track", producer=f"playlist{place + 1}", hide="video" if track.heard else "both")
    for place in range(1, len(tracks) + 2):
        mlt.mix(tractor, place)
    mlt.show_above(tractor, 1, mlt_service="frei0r.cairoblend", version=0.1, threads=0, disable=1)


def _marker(markers: Element, timeline: Timeline, mark: Mark, *, number: int) -> None:
    at = mlt.clock(timeline, timeline.at_frame(mark))
    one = add(markers, "properties", name=number)
    add_properties(one, text=words(mark.name), start=at, end=at, color=_COLOURS[mark.kind])
