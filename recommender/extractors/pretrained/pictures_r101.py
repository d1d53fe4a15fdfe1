"""SlowFast features from the deeper published network, R101 8x8: frames and windows as in `pictures`."""

from functools import partial

from recommender.extractors.pretrained import clips
from recommender.extractors.pretrained.extractor import NetworkExtractor, wrapper
from recommender.extractors.pretrained.pictures import SAMPLING
from recommender.types import Column, number_columns

REVISION = ""
NAMES = number_columns("SlowFastR101", 2304)
COLUMNS = tuple(Column(name, "", "a number of the pictures' embedding") for name in NAMES)
READ = partial(clips.read, columns=NAMES, sampling=SAMPLING)
EXTRACTOR = NetworkExtractor("slowfast-r101", READ, wrapper("slowfast"), cpu=1, gpu=16)
extract = EXTRACTOR.extract
