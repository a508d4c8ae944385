"""What strangers, crowds and faults do to the app, bounded, on loopback: `python -m benchmarks attack`, or `… attack paths` for a part."""
