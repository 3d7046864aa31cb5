"""The parser of the command line.

The module of a command is imported only when the command is asked for. It has a docstring, an EXAMPLE,
`add_arguments(parser)`, and `run(*, …) -> None`, whose keyword arguments are those that the parser declares.
"""

from __future__ import annotations

import argparse
import importlib
import re
import sys
import textwrap
from collections.abc import Sequence
from typing import Any, NoReturn

from boxsup.stages import COMMANDS, EVERYDAY, GROUPS
from boxsup.version import VERSION

# Keys of the namespace that are no arguments of `run`; see also `boxsup.commands.outputs`.
OWN_KEYS = frozenset({"run", "outputs", "written", "overwrite", "quiet", "verbose"})

STATUSES = "exit status: 0 if all is well, 1 for a mistake in data or configuration, 2 for wrong arguments"
UNSEEN = "snakemake -npF results/demo_semi/report.html prints what rules pass for a $NAME"


NEGATIVE = re.compile(r"-(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$|-(inf|infinity|nan)$", re.IGNORECASE)


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line and end with status 2."""

    def __init__(self, *args: Any, **named: Any) -> None:  # noqa: ANN401 - those of argparse
        super().__init__(*args, **named)
        self._negative_number_matcher = NEGATIVE  # up to Python 3.13, argparse takes -5e-1 for an option

    def error(self, message: str) -> NoReturn:
        """Print what is wrong and where to look, without the usage of all options before it."""
        self.exit(2, f"{self.prog}: error: {message}; see `{self.prog} --help`\n")

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Parse arguments; what follows `--` goes as it is to the argument called `-- …`, if the command has one."""
        passed_on = next((action for action in self._actions if str(action.metavar).startswith("-- ")), None)
        if passed_on is None:
            return super().parse_known_args(args, namespace)
        words = list(sys.argv[1:] if args is None else args)
        mark = words.index("--") if "--" in words else len(words)
        parsed, unknown = super().parse_known_args(words[:mark], namespace)
        if getattr(parsed, passed_on.dest):
            self.error(
                f"unexpected {' '.join(getattr(parsed, passed_on.dest))}; what is for another program follows --"
            )
        setattr(parsed, passed_on.dest, words[mark + 1 :])
        return parsed, unknown


class OverviewFormatter(argparse.RawDescriptionHelpFormatter):
    """Leaves out argparse's own list of commands: `overview` has it in groups."""

    def add_argument(self, action: argparse.Action) -> None:
        """Add an argument that is no list of commands."""
        if not isinstance(action, argparse._SubParsersAction):
            super().add_argument(action)


def make_parser(wanted: Sequence[str]) -> tuple[Parser, dict[str, Parser]]:
    """Make the parser of the command line.

    Args:
        wanted: Names of the commands whose modules are imported for their arguments. Importing torch costs seconds,
            which other commands need not pay.

    Returns:
        The parser, and the parser of each command by its name.
    """
    parser = Parser(
        prog="boxsup",
        usage="boxsup COMMAND …",
        description=overview(),
        epilog=STATUSES,
        formatter_class=OverviewFormatter,
    )
    parser.add_argument("--version", action="version", version=f"boxsup {VERSION}")
    stages = parser.add_subparsers(metavar="COMMAND", required=True, prog="boxsup")
    groups = {
        name: stages.add_parser(name, help=line, description=line).add_subparsers(metavar="ACTION", required=True)
        for name, line in GROUPS.items()
    }
    commands = {}
    for name, stage in COMMANDS.items():
        *group, action = name.split()
        parsers = groups[group[0]] if group else stages
        form = argparse.RawDescriptionHelpFormatter
        commands[name] = parsers.add_parser(action, help=stage.help, description=stage.help, formatter_class=form)
        if name in wanted:
            _add_command(commands[name], stage.module)
    return parser, commands


def overview() -> str:
    """What boxsup is, and its commands: those that people start first, then those that the workflow starts for them."""
    every = {name.split()[0] for name in COMMANDS}
    workflow = {name.split()[0] for name, stage in COMMANDS.items() if stage.logs}
    titles = {
        "your boxes, masks and networks": EVERYDAY,
        "also by hand": sorted(every - workflow - set(EVERYDAY)),
        "stages, which the workflow runs": [name.split()[0] for name, stage in COMMANDS.items() if stage.logs],
    }
    lines = [str(sys.modules["boxsup"].__doc__).splitlines()[0]]
    for title, names in titles.items():
        lines += ["", f"{title}:"]
        for name in dict.fromkeys(names):
            text = GROUPS.get(name) or COMMANDS[name].help
            lines += textwrap.wrap(text, 100, initial_indent=f"  {name:15s}", subsequent_indent=" " * 17)
    return "\n".join(lines)


def arguments_of(args: argparse.Namespace) -> dict[str, Any]:
    """The arguments that a command's `run` takes, by name.

    >>> arguments_of(argparse.Namespace(out="masks", quiet=True))
    {'out': 'masks'}
    """
    return {name: value for name, value in vars(args).items() if name not in OWN_KEYS}


def _add_command(parser: Parser, module: str) -> None:
    command = importlib.import_module(module)
    command.add_arguments(parser)
    output = parser.add_mutually_exclusive_group()
    output.add_argument("--quiet", action="store_true", help="print nothing but errors")
    output.add_argument(
        "--verbose", action="store_true", help="print the arguments, time and memory, and where errors arise"
    )
    note = f"\n\n{UNSEEN}" if "$" in command.EXAMPLE else ""
    parser.epilog = f"example:\n  {command.EXAMPLE}{note}\n\n{STATUSES}"
    parser.set_defaults(run=command.run)
