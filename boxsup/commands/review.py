"""`boxsup review`: a page on this machine on which a person decides on masks."""

from __future__ import annotations

import argparse
import functools
import os
import sys
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING

from boxsup.catalogue.reviewed import REVIEWED
from boxsup.commands.argument_types import whole_number
from boxsup.errors import ConfigError, DataError
from boxsup.experiments.found import runs_in
from boxsup.masking.made import MADE
from boxsup.near import shorter

if TYPE_CHECKING:
    from boxsup.review.subject import Subject

EXAMPLE = "boxsup review masks"
LAST_PORT = 2**16 - 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    text = (
        "the folder that `boxsup masks` wrote, or results/EXPERIMENT; decisions are appended to the file whose "
        f"decisions it has already, or else to {REVIEWED} in it"
    )
    parser.add_argument("folder", type=Path, help=text)
    parser.add_argument(
        "--port",
        type=functools.partial(whole_number, least=0, most=LAST_PORT),
        default=0,
        help="port on this machine [one that is free]",
    )
    text = "share of right masks from which on the page says that you can stop [0.9]"
    parser.add_argument("--target", type=float, default=0.9, metavar="SHARE", help=text)
    text = "number of processes that make candidates ahead [1]"
    parser.add_argument("--workers", type=whole_number, default=1, metavar="N", help=text)
    parser.add_argument("--no-browser", action="store_true", help="print the address, and open no browser")


def run(*, folder: Path, port: int, target: float, workers: int, no_browser: bool) -> None:
    """Serve the page until Ctrl-C."""
    if not 0 < target <= 1:
        raise ConfigError(f"--target {target}: expected a share above 0, at most 1")
    from boxsup.review.ahead import Ahead
    from boxsup.review.app import make_server
    from boxsup.review.session import Session

    subject = _subject(folder)
    ahead = Ahead(subject.look, workers)
    session = Session(subject, ahead, target)
    other = folder / REVIEWED
    if other.is_file() and other.resolve() != subject.journal.resolve():
        print(f"review: note: {shorter(other)} has decisions, too, which are not used", file=sys.stderr)
    for note in session.reviewed.notes():
        print(f"review: {note}", file=sys.stderr)
    try:
        server, address = make_server(session, port)
    except OSError as error:
        raise ConfigError(f"--port {port}: {error.strerror}; choose another one") from error
    print(f"review: {len(subject.boxes):,} boxes; open {address}", file=sys.stderr)
    print(f"review: decisions are in {shorter(subject.journal)}", file=sys.stderr)
    print("review: only this machine reaches the page, and only by this address; Ctrl-C ends it", file=sys.stderr)
    if not no_browser and _has_screen():
        webbrowser.open(address)
    with server:
        server.serve_forever()


def _subject(folder: Path) -> Subject:
    if (folder / MADE).is_file():
        from boxsup.review.of_masks import subject_of_masks

        return subject_of_masks(folder)
    if runs_in(folder):
        from boxsup.review.of_experiment import subject_of_experiment

        return subject_of_experiment(folder)
    what = "has neither masks of `boxsup masks` nor runs of an experiment" if folder.is_dir() else "no such folder"
    raise DataError(f"{folder}: {what}; name the --out folder of `boxsup masks`, or results/EXPERIMENT")


def _has_screen() -> bool:
    """Whether a browser can show a page here: without a screen, a browser of the terminal would open."""
    return sys.platform in ("darwin", "win32") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
