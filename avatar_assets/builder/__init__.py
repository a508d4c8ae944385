"""Sculpts the avatars from readable parameters: `python -m avatar_assets build`."""
