"""Protocols that others have made, so that clients which exist work unchanged; each proved with the client of its own."""
