"""The stem of a placement: its music as a WAV that is cut, faded and ducked, to be laid at the clip's first frame."""

from pathlib import Path

from recommender.atomic import new_file
from recommender.editing.mix import stem_blocks
from recommender.editing.placement import Placement
from recommender.home import model_errors
from recommender.media.stereo import RATE_HZ
from recommender.media.write import write_pcm


def write_stem(placement: Placement, path: Path, *, rate_hz: int = RATE_HZ) -> None:
    """Write the music of a placement as 24-bit stereo WAV, beginning with the clip's first frame and as long as it.

    Silence stands where the music does not; the file is whole or not there, and one of that name is replaced. Raises
    MediaError where the track cannot be read or the file not written.
    """
    with model_errors(path), new_file(path) as partial:
        write_pcm(partial, stem_blocks(placement, rate_hz=rate_hz), rate_hz)
