"""Masks for a user's boxes: making them, measuring them, writing them in the format of the boxes."""
