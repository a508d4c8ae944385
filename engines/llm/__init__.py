"""Minds: one file per chat-model adapter."""
