"""What every training shares: loop, losses, folds, targets, weighing of scores, search of settings, model folder."""
