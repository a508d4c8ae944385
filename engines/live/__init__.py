"""Hands-free conversation: an open microphone in place of a button."""
