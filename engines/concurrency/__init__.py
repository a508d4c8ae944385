"""Channels, deadlines and locks: what the threads of a turn share."""
