"""SlowFast features from the deeper published network, R101 8x8: frames and windows as in `pictures`."""

from functools import partial

from recommender.extractors.networks import seen
from recommender.extractors.networks.slowfast import DIM
from recommender.extractors.pretrained import clips
from recommender.extractors.pretrained.extractor import Extractor
from recommender.extractors.pretrained.pictures import SAMPLING
from recommender.types import numbered

REVISION = ""
COLUMNS = numbered("SlowFastR101", DIM)
READ = partial(clips.read, columns=COLUMNS, sampling=SAMPLING)
EXTRACTOR = Extractor("slowfast-r101", READ, seen.slowfast, cpu=1, gpu=16)
extract = EXTRACTOR.extract
