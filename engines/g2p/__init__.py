"""Grapheme-to-phoneme for synthesizers that are given phonemes: one file per way to pronounce, one notation per synthesizer."""
