"""The only place that opens, decodes or writes media files (PyAV).

Decoding never raises anything but `MediaError`, whose message is one line: what failed, on which file,
what to do. Damaged packets are skipped and counted in a `Damage`; a file that gives nothing at all is an error.
"""

from recommender.media.audio import audio_blocks
from recommender.media.bursts import bursts
from recommender.media.damage import Damage
from recommender.media.excerpts import excerpts
from recommender.media.lag import sound_lag_s
from recommender.media.looks import LEAD_S, LOOKS
from recommender.media.metadata import metadata
from recommender.media.outline import Outline, outline
from recommender.media.probe import MediaInfo, probe
from recommender.media.video import Frame, frames
from recommender.media.write import write_audio, write_video

__all__ = [
    "LEAD_S",
    "LOOKS",
    "Damage",
    "Frame",
    "MediaInfo",
    "Outline",
    "audio_blocks",
    "bursts",
    "excerpts",
    "frames",
    "metadata",
    "outline",
    "probe",
    "sound_lag_s",
    "write_audio",
    "write_video",
]
