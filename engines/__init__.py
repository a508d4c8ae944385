"""Visavis without its page: hearing, thinking, speaking, and the turn that joins them. Start reading in `conversation/turn.py`."""
