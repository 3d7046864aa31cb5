"""Every command in the README, the documentation and the commands' own help is one that is there."""

import re
import shlex
from pathlib import PurePath

import pytest
from snakemake.cli import get_argument_parser

from boxsup.commands.parser import make_parser
from boxsup.config.files import project_config
from boxsup.config.resolve import resolve
from boxsup.stages import COMMANDS
from boxsup.targets import explain
from helpers.paths import ROOT

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def lines_of(page):
    """The lines of its blocks for a shell, and what stands in the text as a whole command of ours."""
    text = page.read_text().replace("\\\n", " ")
    blocks = re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    inline = re.findall(r"`(\.venv/bin/[^`]+)`", text)
    return [line for block in blocks for line in block.splitlines() if line.strip()] + inline


def commands(program):
    found = [(page, shlex.split(line, comments=True)) for page in PAGES for line in lines_of(page)]
    return [
        pytest.param(words[1:], id=f"{page.name}: {' '.join(words[1:4])}")
        for page, words in found
        if words and PurePath(words[0]).name == program
    ]


def test_blocks_name_programs_where_the_installation_puts_them():
    for page in PAGES:
        for line in lines_of(page):
            words = shlex.split(line, comments=True)
            bare = [word for word in words[:1] if word in ("boxsup", "snakemake")]
            assert bare == [], f"{page.name}: {line}"


@pytest.mark.parametrize("words", commands("boxsup"))
def test_a_command_of_boxsup_has_these_arguments(words):
    words = words[: words.index(">")] if ">" in words else words
    [name] = [name for name in COMMANDS if words[: len(name.split())] == name.split()]
    parser, _ = make_parser([name])
    parser.parse_args(words)


@pytest.fixture(scope="module")
def known():
    return resolve(project_config())


@pytest.mark.parametrize("words", commands("snakemake"))
def test_a_command_of_snakemake_asks_for_what_there_is(words, known):
    args = get_argument_parser().parse_args(words)
    for target in args.targets:
        if not args.configfile:
            assert explain(target, known).startswith(f"{target}: no rule makes it")  # every name in it is known
