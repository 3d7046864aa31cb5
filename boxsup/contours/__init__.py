"""Contours: how strongly each pixel of a photograph looks like a boundary."""
