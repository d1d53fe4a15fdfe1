"""AFCLNet: the system, its parts, its ablations and what a model folder keeps of it."""
