"""Commands of ``python -m avatar_assets``: one module each, found by its file name."""
