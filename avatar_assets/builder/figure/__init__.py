"""A person from the neck down: body, clothes, and the folds of these."""
