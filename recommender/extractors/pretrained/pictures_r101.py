"""SlowFast features from the deeper published network, R101 8x8: frames and windows as in `pictures`."""

from recommender.extractors.pretrained import clips
from recommender.extractors.pretrained.pictures import SAMPLING
from recommender.types import Column, number_columns

REVISION = ""
NAMES = number_columns("SlowFastR101", 2304)
COLUMNS = tuple(Column(name, "", "a number of the pictures' embedding") for name in NAMES)
EXTRACTOR = clips.extractor("slowfast-r101", "slowfast", NAMES, sampling=SAMPLING)
extract = EXTRACTOR.extract
