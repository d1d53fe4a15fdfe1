"""Final Cut Pro 7 XML (xmeml 5): counted in frames, a stereo sound as two linked clips on two tracks."""

from pathlib import Path
from typing import NamedTuple

from recommender.editing.placement import Keyframe
from recommender.timelines.address import address
from recommender.timelines.levels import amplitude, curve, follow, on_frames
from recommender.timelines.timecode import is_ntsc, nominal
from recommender.timelines.timeline import Music, Part, Timeline, Track
from recommender.timelines.xml import Element, add, save, words

_MOST = 3.98109  # the largest level that there is, 12 dB


class _Source(NamedTuple):
    """A file, as `<file>` tells it: its length in frames, the frame its timecode begins at, its channels."""

    id: str
    path: Path
    frames: int
    start: int
    channels: int
    pictures: bool


class _Use(NamedTuple):
    """A clip on some tracks: its name, source, first frame of the source, span of the timeline, and what it is for."""

    name: str
    source: _Source
    first: int
    start: int
    end: int
    enabled: bool = True


def write(timeline: Timeline, path: Path) -> None:
    """A sequence with the clip, then the chosen music, then the alternatives, whose clips are not enabled."""
    save(document(timeline), path, "xmeml")


def document(timeline: Timeline, *, encode: bool = True) -> Element:
    """The root of the document, addresses percent-encoded or plain."""
    root = Element("xmeml", version="5")
    sequence = add(root, "sequence", id="sequence-1")
    add(sequence, "name", words(timeline.name))
    add(sequence, "duration", timeline.frames)
    _rate(sequence, timeline)
    _timecode(sequence, timeline, timeline.origin)
    media = add(sequence, "media")
    video, audio = add(media, "video"), add(media, "audio")
    _picture_format(video, timeline)
    add(audio, "numOutputChannels", 2)
    samples = add(add(audio, "format"), "samplecharacteristics")
    add(samples, "depth", 16)
    add(samples, "samplerate", 48000)
    writer = _Writer(timeline, video, audio, encode)
    writer.place_clip()
    for track in timeline.tracks:
        writer.place_music(track)
    for mark in timeline.marks:
        _mark(sequence, mark.name, timeline.at_frame(mark))
    return root


class _Writer:
    """Adds tracks, and clips with links between those that belong together."""

    def __init__(self, timeline: Timeline, video: Element, audio: Element, encode: bool) -> None:
        self.timeline, self.video, self.audio, self.encode = timeline, video, audio, encode
        self.clips = 0
        self.tracks = 0  # of sound

    def place_clip(self) -> None:
        """The pictures, and a track for each channel of their sound where that is heard."""
        whole, sound = self.timeline, self.timeline.footage.sound
        channels = min(sound.channels, 2) if sound and whole.own_db is not None else 0
        source = _Source("file-1", whole.clip, whole.frames, whole.start, channels, True)
        (items,) = self.place([_Use(whole.clip.name, source, 0, 0, whole.frames)])
        own = whole.own or ((Keyframe(0.0, whole.own_db),) if whole.own_db else ())
        levels = on_frames(follow(own), 0, whole.frames, rate=whole.rate) if own else []
        for item in items[1:] if levels else ():
            _draw(item, [(frame, amplitude(gain_db)) for frame, gain_db in levels])

    def place_music(self, track: Track) -> None:
        """A track for each channel, with all pieces; music of one channel and of two has tracks of its own."""
        for channels in sorted({music.channels for _, music in track.music}):
            self._place_alike([pair for pair in track.music if pair[1].channels == channels], heard=track.heard)

    def _place_alike(self, several: list[tuple[int, Music]], *, heard: bool) -> None:
        """Music of as many channels, numbered."""
        uses, pieces = list[_Use](), list[tuple[Music, Part]]()
        for place, music in several:
            frames = max([music.frames, *(part.first + part.frames for part in music.parts)])
            source = _Source(f"file-{place + 2}", music.path, frames, 0, music.channels, False)
            uses += [_Use(music.title, source, p.first, p.start, p.end, heard) for p in music.parts]
            pieces += [(music, part) for part in music.parts]
        for use, (music, part), items in zip(uses, pieces, self.place(uses) if uses else (), strict=True):
            for item in items:
                _levels(item, self.timeline, music, part)
                add(
                    add(item, "comments"), "mastercomment1", f"exact in-point {float(part.in_s):.9f} s, {use.source.id}"
                )

    def place(self, uses: list[_Use]) -> list[list[Element]]:
        """New tracks with `uses` of as many channels; the clips of each."""
        source = uses[0].source
        tracks = [add(self.video, "track")] if source.pictures else []
        for channel in range(source.channels):
            stereo = {"currentExplodedTrackIndex": channel, "totalExplodedTrackCount": source.channels}
            kind = "Stereo" if source.channels == 2 else "Mono"
            tracks.append(add(self.audio, "track", **stereo, premiereTrackType=kind))
        placed = [[self._clip(track, use) for track in tracks] for use in uses]
        for number, items in enumerate(placed):
            self._finish(items, uses[number], number + 1)
        for track in tracks:
            add(track, "enabled", uses[0].enabled)
            add(track, "locked", False)
        self.tracks += source.channels
        return placed

    def _clip(self, track: Element, use: _Use) -> Element:
        self.clips += 1
        item = add(track, "clipitem", id=f"clipitem-{self.clips}")
        add(item, "name", words(use.name))
        add(item, "enabled", use.enabled)
        add(item, "duration", use.source.frames)
        _rate(item, self.timeline)
        span = {"start": use.start, "end": use.end, "in": use.first, "out": use.first + use.end - use.start}
        for tag, frame in span.items():
            add(item, tag, frame)
        _file(item, self.timeline, use.source, encode=self.encode)
        return item

    def _finish(self, items: list[Element], use: _Use, number: int) -> None:
        """Say which channel each clip is of, and link those of one file."""
        kinds = [("video", 1)] if use.source.pictures else []
        kinds += [("audio", channel + 1) for channel in range(use.source.channels)]
        for item, (kind, channel) in zip(items, kinds, strict=True):
            if kind == "audio":
                place = add(item, "sourcetrack")
                add(place, "mediatype", kind)
                add(place, "trackindex", channel)
            for other, (linked, track) in zip(items, kinds, strict=True) if len(items) > 1 else ():
                link = add(item, "link")
                add(link, "linkclipref", other.get("id"))
                add(link, "mediatype", linked)
                add(link, "trackindex", track + (self.tracks if linked == "audio" else 0))
                add(link, "clipindex", number)
                if linked == "audio":
                    add(link, "groupindex", 1)


def _file(item: Element, timeline: Timeline, source: _Source, *, encode: bool) -> None:
    """All of a file in every clip: some programs look nowhere else for its address."""
    file = add(item, "file", id=source.id)
    add(file, "name", words(source.path.name))
    add(file, "pathurl", address(source.path, encode=encode))
    _rate(file, timeline)
    add(file, "duration", source.frames)
    _timecode(file, timeline, source.start)
    media = add(file, "media")
    if source.pictures:
        _size(add(add(media, "video"), "samplecharacteristics"), timeline)
    if source.channels:
        add(add(media, "audio"), "channelcount", source.channels)


def _levels(item: Element, timeline: Timeline, music: Music, part: Part) -> None:
    """Gain, ducks and fades; keyframes count frames of the track."""
    keyframes = on_frames(curve(music.placement, fine=True), part.start, part.end, rate=timeline.rate)
    _draw(item, [(part.first + frame, amplitude(gain_db)) for frame, gain_db in keyframes])


def _draw(item: Element, levels: list[tuple[int, float]]) -> None:
    """The level of a clip over time, as amplitudes at frames of its source."""
    values = [(frame, min(value, _MOST)) for frame, value in levels]
    level = _level(item, values[0][1])
    for frame, value in values if len(values) > 1 else ():
        keyframe = add(level, "keyframe")
        add(keyframe, "when", frame)
        add(keyframe, "value", f"{value:.7g}")


def _level(item: Element, value: float) -> Element:
    """The level of a clip, as an amplitude."""
    effect = add(add(item, "filter"), "effect")
    for tag, text in (("name", "Audio Levels"), ("effectid", "audiolevels"), ("effectcategory", "audiolevels")):
        add(effect, tag, text)
    add(effect, "effecttype", "audiolevels")
    add(effect, "mediatype", "audio")
    level = add(effect, "parameter")
    for tag, text in (("parameterid", "level"), ("name", "Level"), ("valuemin", "0"), ("valuemax", str(_MOST))):
        add(level, tag, text)
    add(level, "value", f"{min(value, _MOST):.7g}")
    return level


def _picture_format(video: Element, timeline: Timeline) -> None:
    characteristics = add(add(video, "format"), "samplecharacteristics")
    _rate(characteristics, timeline)
    _size(characteristics, timeline)


def _size(characteristics: Element, timeline: Timeline) -> None:
    add(characteristics, "width", timeline.footage.width)
    add(characteristics, "height", timeline.footage.height)
    add(characteristics, "anamorphic", False)
    add(characteristics, "pixelaspectratio", "square")
    add(characteristics, "fielddominance", "none")


def _rate(parent: Element, timeline: Timeline) -> None:
    rate = add(parent, "rate")
    add(rate, "timebase", nominal(timeline.rate))
    add(rate, "ntsc", is_ntsc(timeline.rate))


def _timecode(parent: Element, timeline: Timeline, frame: int) -> None:
    timecode = add(parent, "timecode")
    _rate(timecode, timeline)
    add(timecode, "string", timeline.timecode(frame))
    add(timecode, "frame", frame)
    add(timecode, "displayformat", "DF" if timeline.drop else "NDF")


def _mark(sequence: Element, name: str, frame: int) -> None:
    mark = add(sequence, "marker")
    add(mark, "name", words(name))
    add(mark, "comment", "")
    add(mark, "in", frame)
    add(mark, "out", -1)
