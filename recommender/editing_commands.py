"""`recommend preview ...`: one clip and one track of one's own choice."""

from recommender.options import Options, setting


class LevelOptions(Options):
    """How loud music lies under a clip."""

    speech_lu: float = setting("How far music is below speech, in LU.", 15.0, min=6, max=30)
    lufs: float = setting("Loudness of clip and music where nobody speaks.", -16.0, min=-36, max=-6)
    peak: float = setting("Highest true peak, in dBTP.", -1.0, min=-12, max=0)
