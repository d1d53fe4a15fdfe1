"""A track's music recut to a length by jumps between its bars."""
