"""Affect: predictors of valence and arousal, the affect space, and the words people read."""
