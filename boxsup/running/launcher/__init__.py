"""The folder with the `boxsup` of jobs that run in an environment of their own."""

from pathlib import Path

LAUNCHER = Path(__file__).parent
