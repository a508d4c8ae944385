"""Conversations: the turn pipeline, the conversation's values, live sessions, and the service that every adapter calls."""
