"""Reads data sets from disk into checked tables of images and boxes."""
