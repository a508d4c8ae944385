"""Films of the stage: the page itself, in a headless browser, tells its pictures and sound to an encoder."""
