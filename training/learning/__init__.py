"""What every training shares: loop, losses, folds, targets, the search of settings, the model folder."""
