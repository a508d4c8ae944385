"""Voice activity detection: how likely it is that a frame of sound holds speech."""
