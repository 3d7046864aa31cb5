"""The version of the package, in the one place where it stands; pyproject.toml reads it from here."""

VERSION = "0.1.0"
