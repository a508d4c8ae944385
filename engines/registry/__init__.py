"""Engine registry: which engines there are, the state of each, and which one works next."""
