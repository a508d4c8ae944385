"""Sculpts the avatars from readable parameters: `python -m avatar_assets.builder [--out FOLDER] [NAME …]`."""
