"""FCPXML 1.9: rational times on frames, the clip in the spine, music connected to it on lanes below."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

from recommender.editing.placement import JOINT_S
from recommender.timelines.address import address
from recommender.timelines.levels import gains, on_frames
from recommender.timelines.timecode import is_ntsc, nominal
from recommender.timelines.timeline import Music, Part, Timeline, sample
from recommender.timelines.xml import Element, add, save, words

_LAYOUTS = {1: "mono", 2: "stereo"}
_RATES = {32_000: "32k", 44_100: "44.1k", 48_000: "48k", 88_200: "88.2k", 96_000: "96k", 176_400: "176.4k"}


def write(timeline: Timeline, path: Path) -> None:
    """One event with one project; alternatives are connected clips that are not enabled."""
    root = Element("fcpxml", version="1.9")
    resources = add(root, "resources")
    _format(resources, timeline)
    _clip_asset(resources, timeline)
    for place, music in enumerate(timeline.music):
        _music_asset(resources, music, place)
    event = add(add(root, "library"), "event", name=words(timeline.name))
    sequence = add(add(event, "project", name=words(timeline.name)), "sequence", format="r1")
    times = {"tcStart": _time(timeline, timeline.origin), "duration": _time(timeline, timeline.frames)}
    sequence.attrib |= times | {"tcFormat": _count(timeline)}
    sequence.attrib |= {"audioLayout": _layout(timeline), "audioRate": "48k"}
    _spine(sequence, timeline)
    save(root, path, "fcpxml")


def _format(resources: Element, timeline: Timeline) -> None:
    footage = timeline.footage
    size = {"width": footage.width, "height": footage.height}
    add(resources, "format", id="r1", frameDuration=_time(timeline, 1), **size)


def _clip_asset(resources: Element, timeline: Timeline) -> None:
    times = {"start": _time(timeline, timeline.start), "duration": _time(timeline, timeline.frames)}
    asset = add(resources, "asset", id="r2", name=words(timeline.clip.name), **times, hasVideo=1, format="r1")
    asset.set("videoSources", "1")
    if sound := timeline.footage.sound:
        asset.attrib |= {"hasAudio": "1", "audioSources": "1", "audioChannels": str(sound.channels)}
        asset.set("audioRate", str(sound.rate_hz))
    add(asset, "media-rep", kind="original-media", src=address(timeline.clip))


def _music_asset(resources: Element, music: Music, place: int) -> None:
    """The track, its length in samples: that of the source."""
    samples = sample(Fraction(music.sound.duration_s or 0), music.sound.rate_hz)
    known = {"start": "0s", "duration": _rational(Fraction(samples, music.sound.rate_hz)), "hasAudio": 1}
    sound = {"audioSources": 1, "audioChannels": music.sound.channels, "audioRate": music.sound.rate_hz}
    asset = add(resources, "asset", id=f"r{place + 3}", name=words(music.title), **known, **sound)
    add(asset, "media-rep", kind="original-media", src=address(music.path))


def _spine(sequence: Element, timeline: Timeline) -> None:
    begins = {"offset": _time(timeline, timeline.origin), "start": _time(timeline, timeline.start)}
    times = begins | {"duration": _time(timeline, timeline.frames)}
    clip = add(add(sequence, "spine"), "asset-clip", ref="r2", name=words(timeline.clip.name), **times, format="r1")
    clip.attrib |= {"tcFormat": _count(timeline)} | ({"audioRole": "dialogue"} if timeline.footage.sound else {})
    if timeline.own_db or timeline.own:
        volume = add(clip, "adjust-volume", amount=f"{timeline.own_db or 0.0:.4f}dB")
        moves = on_frames(list(timeline.own), 0, timeline.frames, rate=timeline.rate) if timeline.own else ()
        _animate(volume, timeline, moves, first=timeline.start)
    elif timeline.own_db is None and timeline.footage.sound:
        clip.set("srcEnable", "video")
    for lane, track in enumerate(timeline.tracks):
        for place, music in track.music:
            for number, part in enumerate(music.parts):
                connected = _connect(clip, timeline, (music, part), places=(place, lane), number=number)
                connected.attrib |= {} if track.heard else {"enabled": "0"}
    for mark in timeline.marks:
        at = _time(timeline, timeline.start + timeline.at_frame(mark))
        add(clip, "marker", start=at, duration=_time(timeline, 1), value=words(mark.name))


def _connect(
    clip: Element, timeline: Timeline, piece: tuple[Music, Part], *, places: tuple[int, int], number: int
) -> Element:
    """A piece of music (its place among all, and its lane) below the clip; when is told in the clip's own time."""
    (music, part), (place, lane) = piece, places
    times = {"offset": _time(timeline, timeline.start + part.start), "start": _time(timeline, part.first)}
    known = {"ref": f"r{place + 3}", "lane": -1 - lane, "name": words(music.title), **times}
    connected = add(clip, "asset-clip", **known, duration=_time(timeline, part.frames), audioRole="music")
    _levels(connected, timeline, piece, number=number)
    exact = add(add(connected, "metadata"), "md", key="cliptune.in", value=f"{float(part.in_s):.9f} s")
    exact.set("type", "string")
    return connected


def _levels(connected: Element, timeline: Timeline, piece: tuple[Music, Part], *, number: int) -> None:
    """Gain in dB, fades and duck keyframes; keyframes are told in the time of the track."""
    music, part = piece
    placed, joint = music.placement, Fraction(JOINT_S) / 2
    keyframes = on_frames(gains(placed), part.start, part.end, rate=timeline.rate)
    volume = add(connected, "adjust-volume", amount=f"{keyframes[0][1]:.4f}dB")
    fade_in = Fraction(placed.fade_in_s) if not number else joint
    fade_out = Fraction(placed.fade_out_s) if number == len(music.parts) - 1 else joint
    if not (fade_in or fade_out or len(keyframes) > 1):
        return
    param = add(volume, "param", name="amount")
    for tag, length in (("fadeIn", fade_in), ("fadeOut", fade_out)):
        if length:
            add(param, tag, type="linear", duration=_rational(length.limit_denominator(48_000)))
    _animate(param, timeline, keyframes, first=part.first)


def _animate(parent: Element, timeline: Timeline, keyframes: Sequence[tuple[int, float]], *, first: int) -> None:
    """Keyframes, where there are several; they count from the frame `first` of what they belong to."""
    if len(keyframes) > 1:
        param = parent if parent.tag == "param" else add(parent, "param", name="amount")
        animation = add(param, "keyframeAnimation")
        for frame, gain_db in keyframes:
            at = _time(timeline, first + frame)
            add(animation, "keyframe", time=at, value=f"{gain_db:.4f}dB", curve="linear")


def _time(timeline: Timeline, frames: int) -> str:
    """Frames as seconds over the rate's own denominator: `1001/24000s`, never rounded."""
    rate = timeline.rate
    whole = frames * rate.denominator
    scale = rate.numerator
    if scale == 1 or whole % scale == 0:
        return f"{whole // scale}s"
    return f"{whole}/{scale}s" if is_ntsc(rate) else f"{whole * 100}/{scale * 100}s"


def _rational(seconds: Fraction) -> str:
    return f"{seconds.numerator}s" if seconds.denominator == 1 else f"{seconds.numerator}/{seconds.denominator}s"


def _count(timeline: Timeline) -> str:
    return "DF" if timeline.drop and nominal(timeline.rate) else "NDF"


def _layout(timeline: Timeline) -> str:
    channels = timeline.footage.sound.channels if timeline.footage.sound else 2
    return "surround" if channels > 2 else "stereo"
