"""The one writer of a library and the changes that it commits."""
