"""From a query vector to distinct tracks: search engines, built indexes, one query or many."""
