"""Which engines there are, how each one is, and which one works next."""
