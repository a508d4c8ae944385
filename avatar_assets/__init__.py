"""The person on the stage: page, player, avatars and the package that builds them."""
