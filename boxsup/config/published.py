"""The results and settings that the paper published."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from importlib.resources import files


@dataclass(frozen=True)
class PublishedRow:
    """A row of the paper's tables 1 to 5.

    Attributes:
        table: Number of the table.
        row: Title of the row.
        experiment: Name of the experiment in `config.yaml` at full size.
        published: Mean IoU in per cent; NaN for two numbers of table 3 that no text that we have gives.
    """

    table: int
    row: str
    experiment: str
    published: float


@dataclass(frozen=True)
class PublishedValue:
    """A setting that the paper gives or leaves open.

    Attributes:
        key: The keys that lead to it in an experiment, joined by dots.
        what: What it is.
        paper: The paper's value.
        why: Why ours is another; "" if it is not.
    """

    key: str
    what: str
    paper: str
    why: str


def published_rows() -> list[PublishedRow]:
    """All rows of the paper's tables, in the order of the paper."""
    return [
        PublishedRow(int(row["table"]), row["row"], row["experiment"], float(row["published"] or "nan"))
        for row in _read("published.csv")
    ]


def published_values() -> list[PublishedValue]:
    """All settings that are compared with the paper, in the order of the method; the models have the paper's values."""
    from boxsup.config.experiment import Experiment  # imports pydantic, which other callers need not
    from boxsup.config.fields import paper_of

    return [PublishedValue(**row, paper=paper_of(Experiment, row["key"])) for row in _read("published_values.csv")]


def published_experiments() -> list[str]:
    """The names of the experiments in the paper's tables, each once."""
    return list(dict.fromkeys(row.experiment for row in published_rows()))


def name_in_family(name: str, family: str) -> str:
    """The name of a published experiment in a family of experiments; "" if the family has no such experiment.

    >>> name_in_family("voc_box", "demo"), name_in_family("voc_box", "voc"), name_in_family("context_mask", "demo")
    ('demo_box', 'voc_box', '')
    """
    if family == "voc":
        return name
    return f"{family}_{name.removeprefix('voc_')}" if name.startswith("voc_") else ""


def _read(name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(files("boxsup.config").joinpath(name).read_text(encoding="utf-8").splitlines()))
