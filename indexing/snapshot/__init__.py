"""The snapshot that queries read: searchable segments, facts of tracks, and what a filter lets through."""
