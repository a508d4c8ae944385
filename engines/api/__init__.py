"""For other programs: the JSON shapes of a turn."""
