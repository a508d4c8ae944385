"""Grapheme-to-phoneme for synthesizers that are given phonemes: a file for each way to pronounce, and one for each notation.

What an aligner needs, how eSpeak NG says a text with sound and times, is `engines.lipsync.grapheme_to_phoneme`.
"""
