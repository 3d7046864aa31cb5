"""`boxsup completion`: a script for a shell that completes commands, options, their values and paths."""

from __future__ import annotations

import argparse
import importlib.util
from pathlib import Path

from boxsup.errors import ConfigError

EXAMPLE = "boxsup completion bash > ~/.local/share/bash-completion/completions/boxsup"
SHELLS = ("bash", "zsh", "fish", "tcsh")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("shell", choices=SHELLS, help="shell to write the script for")


def run(*, shell: str) -> None:
    """Print the script. It needs no boxsup later: importing it at each TAB would take too long."""
    if importlib.util.find_spec("shtab") is None:
        raise ConfigError("boxsup completion needs shtab: pip install shtab")
    import shtab  # an extra

    from boxsup.commands.parser import make_parser
    from boxsup.stages import COMMANDS

    parser, commands = make_parser(list(COMMANDS))
    for command in commands.values():
        for action in command._actions:
            if action.type is Path or action.dest == "inputs":
                action.complete = shtab.FILE  # type: ignore[attr-defined] # what shtab looks for
    print(shtab.complete(parser, shell))
