"""Snakemake's logger plugin behind `boxsup run`: passes on what happens as lines of JSON.

Snakemake finds plugins by the names of packages on its path. `boxsup.running.process` puts this folder there.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os

from snakemake_interface_logger_plugins.base import LogHandlerBase

PIPE = "BOXSUP_EVENTS"  # environment variable: number of the open file that events are written to
FIELDS = {
    *("stats", "jobid", "job_id", "rule_name", "wildcards", "log", "output", "reason", "done", "total"),
    "exception",
}


class LogHandler(LogHandlerBase):
    """Writes each event, and each message without one, as an object of JSON in a line."""

    def __post_init__(self) -> None:
        """Open the pipe."""
        self._pipe = os.fdopen(int(os.environ.pop(PIPE)), "w", encoding="utf-8")

    def emit(self, record: logging.LogRecord) -> None:
        """Write an event; if nobody reads it any more, the run goes on without."""
        told = {name: value for name, value in vars(record).items() if name in FIELDS and value is not None}
        told |= {"event": str(getattr(record, "event", None) or "message"), "level": record.levelno}
        with contextlib.suppress(OSError, ValueError):
            self._pipe.write(json.dumps({**told, "text": record.getMessage()}, default=_plain) + "\n")
            self._pipe.flush()

    @property
    def writes_to_stream(self) -> bool:
        """It takes the place of what Snakemake prints."""
        return True

    @property
    def writes_to_file(self) -> bool:
        """Snakemake's own log is written beside it."""
        return False

    @property
    def has_filter(self) -> bool:
        """Every event is wanted."""
        return True

    @property
    def has_formatter(self) -> bool:
        """Events are no texts."""
        return True

    @property
    def needs_rulegraph(self) -> bool:
        """It draws nothing."""
        return False


def _plain(value: object) -> object:
    """Snakemake's own kinds of lists and mappings, as JSON knows them."""
    with contextlib.suppress(TypeError, ValueError):
        return dict(value)  # type: ignore[call-overload]
    with contextlib.suppress(TypeError):
        return list(map(str, value))  # type: ignore[call-overload]
    return str(value)
