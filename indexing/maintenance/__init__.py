"""A library looked after: verified, repaired, compacted, its search built and measured."""
