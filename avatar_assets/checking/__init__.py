"""Tells what an avatar file has and lacks: the page's own check, step for step, without a browser."""
