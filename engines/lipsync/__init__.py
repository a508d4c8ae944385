"""Lip sync: phonemes and their times, and the visemes that follow from them."""
