"""`boxsup completion`: a script that lets a shell complete commands, options, their values and paths."""

from __future__ import annotations

import argparse
import importlib.util
from pathlib import Path

from boxsup.errors import ConfigError

EXAMPLE = "boxsup completion bash > ~/.local/share/bash-completion/completions/boxsup"
SHELLS = ("bash", "zsh", "tcsh")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("shell", choices=SHELLS, help="whose script")


def run(args: argparse.Namespace) -> None:
    """Print the script. It is made once: a program that completes by itself would be imported at each TAB."""
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
    print(shtab.complete(parser, args.shell))
