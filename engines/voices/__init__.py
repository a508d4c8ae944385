"""Voices of whatever engine: which one somebody has, and how loud they are."""
