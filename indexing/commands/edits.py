"""`recommend edits ...`: finished films, and the music that is heard in them."""

from recommender.console import group

app = group("Your finished films: what they say of the ranking.", no_args_is_help=True)
