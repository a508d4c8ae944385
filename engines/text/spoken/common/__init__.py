"""What the spoken forms of several languages share."""
