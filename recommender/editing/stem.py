"""The stem: music as a WAV that is cut, faded and ducked, to be laid at the clip's first frame."""

from pathlib import Path

from recommender.atomic import new_file
from recommender.editing.mix import stem_blocks
from recommender.editing.placement import Bed, Placement
from recommender.home import model_errors
from recommender.media.stereo import RATE_HZ
from recommender.media.write import write_pcm


def write_stem(music: Placement | Bed, path: Path, *, rate_hz: int = RATE_HZ) -> None:
    """Write the music of one placement, or of several, as 24-bit stereo WAV.

    It begins with the clip's first frame and is as long as the clip, silence where no music is. The file is whole or
    not there, and one of that name is replaced. Raises MediaError where a track cannot be read or the file not written.
    """
    with model_errors(path), new_file(path) as partial:
        write_pcm(partial, stem_blocks(music, rate_hz=rate_hz), rate_hz)
