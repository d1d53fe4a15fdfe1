"""Bytes that survive a crash: where a library's files are, how they are written, locked, named and read."""
