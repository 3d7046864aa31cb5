"""Contours: how strongly each pixel of a photograph looks like the boundary of something."""
