"""SlowFast features from the deeper published network, R101 8x8: frames and windows as in `pictures`."""

from functools import partial

from recommender.deep import clips
from recommender.deep.extractor import Extractor
from recommender.deep.pictures import SAMPLING
from recommender.nets import seen
from recommender.nets.slowfast import DIM
from recommender.types import numbered

REVISION = ""
COLUMNS = numbered("SlowFastR101", DIM)
READ = partial(clips.read, columns=COLUMNS, sampling=SAMPLING)
EXTRACTOR = Extractor("slowfast-r101", READ, seen.slowfast, cpu=1, gpu=16)
extract = EXTRACTOR.extract
