"""Commands as a user runs them, in this process: a new one costs a second of imports."""

from __future__ import annotations

import contextlib
import io
from subprocess import CompletedProcess

from boxsup.cli import main


def run_boxsup(*arguments: object) -> CompletedProcess[str]:
    """`boxsup ARGUMENTS`: its exit status and what it wrote to both streams."""
    words = [str(argument) for argument in arguments]
    out, error = io.StringIO(), io.StringIO()
    status = 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(error):
        try:
            main(words)
        except SystemExit as end:
            status = int(end.code or 0)
    return CompletedProcess(["boxsup", *words], status, out.getvalue(), error.getvalue())
