"""Networks that only training runs: torch modules."""
