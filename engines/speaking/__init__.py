"""Speaking: how much is synthesized at once and when, and how long it is silent in between."""
