"""Near-duplicates: acoustic fingerprints matched, indexed and grouped into recordings."""
