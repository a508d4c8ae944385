"""A person from the neck up: skin, eyes, mouth, hair, and the shapes that a face can take."""
