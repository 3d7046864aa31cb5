"""The thin commands of the contour detector."""
