"""What goes wrong on the user's side; the command line prints one line of it and exits with status 1."""

from __future__ import annotations


class BoxSupError(Exception):
    """A mistake in data, configuration or environment: says what, where and what to do."""


class ConfigError(BoxSupError, ValueError):
    """A key or value of the configuration that cannot be used; names the key."""


class DataError(BoxSupError, ValueError):
    """An image, mask, annotation or list that cannot be used; names the file."""


class StoreError(BoxSupError, OSError):
    """A store or checkpoint that is missing, damaged or cannot be written; names the path."""
