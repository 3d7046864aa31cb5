"""Arguments that several commands share: the files of a split, its tables, its predictions and its held-out images."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from boxsup.commands.argument_types import from_zero
from boxsup.config.datasets import FILE_FORMATS
from boxsup.errors import ConfigError, DataError


def add_split_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare `--format`, `--root`, `--split` and `--classes`: where the files of a split are and how they are read."""
    parser.add_argument("--format", choices=FILE_FORMATS, required=True, help="format of the data set")
    parser.add_argument("--root", type=Path, required=True, help="root folder of the data set")
    parser.add_argument("--split", required=True, help="JSON of the split's settings; see docs/data.md, by format")
    parser.add_argument("--classes", required=True, help="JSON list of class names without the background")


def add_catalogue_argument(parser: argparse.ArgumentParser, split: str = "split") -> None:
    """Declare `--catalogue`: the folder of a split's tables.

    Args:
        parser: The parser of the command.
        split: Which split, for the help.
    """
    parser.add_argument("--catalogue", type=Path, required=True, help=f"folder of the {split}'s tables")


def add_reviewed_argument(parser: argparse.ArgumentParser) -> None:
    """Declare `--reviewed`: masks that a person chose."""
    text = "decisions of `boxsup review`: these boxes have the masks that a person chose"
    parser.add_argument("--reviewed", type=Path, metavar="JSONL", help=text)


def check_masked(masked: Path, used: int, count: int) -> None:
    """Refuse `--masked` if it changes nothing, and say so if a part of its images is used.

    Args:
        masked: Folder of the tables of the images that may use their true mask.
        used: How many of them are in the training split.
        count: How many there are.

    Raises:
        DataError: None is in the training split.
    """
    if not used:
        raise DataError(
            f"--masked {masked}: none of its {count:,} images is in the training split, so no true mask would be used; "
            "name a split that shares images with it (supervision.masks), or none"
        )
    if used < count:
        print(f"note: {used:,} of the {count:,} images of {masked} are in the training split", file=sys.stderr)


def add_held_out_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare `--held-out` and `--held-out-seed`: how many images are held out, and by which draw."""
    parser.add_argument(
        "--held-out", type=from_zero, default=0, metavar="N", help="number of images held out for searches"
    )
    parser.add_argument("--held-out-seed", type=from_zero, default=0, metavar="SEED", help="seed of their draw")


def add_predictions_argument(parser: argparse.ArgumentParser) -> None:
    """Declare `--predictions`: the label maps that `boxsup predictions` wrote."""
    parser.add_argument(
        "--predictions", type=Path, required=True, help=".zarr folder with the stacks labels and labels_crf"
    )


def part_of_all(text: str, argument: str) -> tuple[int, int]:
    """Read I/N: the number of a part, from 0, and of all parts.

    Args:
        text: What the user gave.
        argument: The name of the argument, for the message.

    Raises:
        ConfigError: It is no such text, or there is no part of this number.

    >>> part_of_all("0/2", "--shard")
    (0, 2)
    """
    match = re.fullmatch(r"(\d+)/(\d+)", text)
    if not match or int(match[1]) >= int(match[2]):
        raise ConfigError(f"{argument}: expected I/N with I from 0 to N-1, such as 0/2, got {text}")
    return int(match[1]), int(match[2])
