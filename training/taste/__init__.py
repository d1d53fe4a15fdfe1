"""What one's own films say of a ranking: how well it finds what was chosen, and a taste learnt from it."""
