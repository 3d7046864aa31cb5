"""Candidate segments of an image, made without looking at its boxes: Selective Search, and the pools that hold them."""
