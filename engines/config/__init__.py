"""Settings and people: every default, and what users write in files."""
