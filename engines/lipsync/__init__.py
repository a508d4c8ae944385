"""From phonemes to mouth shapes: oculus.py is the table, timeline.py puts them in time."""
