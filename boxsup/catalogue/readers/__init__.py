"""Readers of data sets: the reader of a format is the module of this package with the format's name.

A reader (`read_split`) lists the images of a split and returns one check per image, which reads all its files.
Records (`boxsup.catalogue.records`), and the tables that later stages read, are the same for all formats. A format with
one annotation file per image also says their ENDING, so that `boxsup.catalogue.readers.places` finds them.
"""

from __future__ import annotations

from importlib import import_module

from boxsup.catalogue.records import Reader
from boxsup.config.datasets import FILE_FORMATS

READERS: dict[str, Reader] = {form: import_module(f"{__name__}.{form}").read_split for form in FILE_FORMATS}
