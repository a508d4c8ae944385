"""Text on its way to the voice: sentences.py cuts it, speakable.py makes words of it."""
