"""Ears: one file per speech-to-text adapter."""
