"""Interfaces for other programs: the JSON messages of the wire."""
