"""Voices: one file per text-to-speech adapter."""
