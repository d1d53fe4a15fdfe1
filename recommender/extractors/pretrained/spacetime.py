"""TimeSformer features of any moving or still picture: one embedding per 9.7 s, averaged over windows.

As the published network was trained: eight frames spread evenly from the first to the last of 256 at 30 per second,
which is one every 17/14 s (facebookresearch/TimeSformer: `configs/Kinetics/TimeSformer_divST_8x32_224.yaml` at 23e78bf,
`timesformer/datasets/decoder.py` at a7b3ee2); short side 224, (x / 255 - .45) / .225 (`preprocessor_config.json` of
facebook/timesformer-base-finetuned-k400 at 4022b66). A shorter video is held at its last frame, as there. The middle
square alone is seen [ours]: the published figures average three.
"""

from recommender.extractors.pretrained import clips
from recommender.types import Column, number_columns

REVISION = ""
NAMES = number_columns("TimeSformer", 768)
COLUMNS = tuple(Column(name, "", "a number of the pictures' embedding") for name in NAMES)
# A clip is long: what is left over counts from half of one on.
SAMPLING = clips.Sampling(fps=14.0, every=17, frames=8, side=224, tail=True)
EXTRACTOR = clips.extractor("timesformer", "timesformer", NAMES, sampling=SAMPLING)
extract = EXTRACTOR.extract
