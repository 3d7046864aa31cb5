"""Errors of a user: the command line prints them as one line and exits with status 1."""

from __future__ import annotations


class BoxSupError(Exception):
    """A mistake in data, configuration or environment; its message says what, where and what to do."""


class ConfigError(BoxSupError, ValueError):
    """A key or value of the configuration cannot be used; the message names the key."""


class DataError(BoxSupError, ValueError):
    """An image, mask, annotation or list cannot be used; the message names the file."""


class StoreError(BoxSupError, OSError):
    """A store or checkpoint is missing, damaged or cannot be written; the message names the path."""


class UnknownImageError(BoxSupError, KeyError):
    """A store has no image of this id; the message lists what it has."""

    def __str__(self) -> str:
        return str(self.args[0])  # KeyError would put the message in quotes
