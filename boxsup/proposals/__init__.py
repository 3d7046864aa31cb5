"""Candidate segments of an image, made without looking at its boxes: the methods, and the pools that hold them."""
