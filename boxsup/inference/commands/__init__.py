"""The thin commands that run a network."""
