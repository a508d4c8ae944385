"""Measurements: one module per number; `python -m benchmarks` prints them all."""
