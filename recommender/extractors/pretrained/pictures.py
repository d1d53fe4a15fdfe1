"""SlowFast features of any moving or still picture: one embedding per 2.1 s, averaged over windows.

As the published networks were tested: 32 frames at every second of 30 per second, short side 256, the middle square,
(x - .45) / .225 (facebookresearch/SlowFast `configs/Kinetics/c2/SLOWFAST_8x8_R50.yaml`, pytorchvideo's hub example).
"""

from recommender.extractors.pretrained import clips
from recommender.types import Column, number_columns

REVISION = ""  # the published features carry none
NAMES = number_columns("SlowFast", 2304)
COLUMNS = tuple(Column(name, "", "a number of the pictures' embedding") for name in NAMES)
SAMPLING = clips.Sampling(fps=15.0, frames=32, side=256)
EXTRACTOR = clips.extractor("slowfast", "slowfast", NAMES, sampling=SAMPLING)
extract = EXTRACTOR.extract
