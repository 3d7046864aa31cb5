"""Masks for the boxes of a user: made, measured, written in the format of the boxes."""
