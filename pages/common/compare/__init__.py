"""Maps beside one another."""
