"""What the paper published, for the workflow too: it needs no package that is slow to import."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from importlib.resources import files


@dataclass(frozen=True)
class PublishedRow:
    """A row of the paper's tables 1 to 5.

    Attributes:
        table: Number of the table.
        row: What the row is about.
        experiment: Its name in `config.yaml` at full size.
        published: Mean IoU in per cent; NaN for two figures of table 3 that are in no text that we have.
    """

    table: int
    row: str
    experiment: str
    published: float


@dataclass(frozen=True)
class PublishedValue:
    """A setting that the paper gives or leaves open.

    Attributes:
        key: In an experiment, with dots.
        what: It is.
        paper: Its value there.
        why: Ours is another, where it is.
    """

    key: str
    what: str
    paper: str
    why: str


def published_rows() -> list[PublishedRow]:
    """All rows, in the order of the paper."""
    return [
        PublishedRow(int(row["table"]), row["row"], row["experiment"], float(row["published"] or "nan"))
        for row in _read("published.csv")
    ]


def published_values() -> list[PublishedValue]:
    """All settings, in the order of the method; the paper's values are those of the models."""
    from boxsup.config.experiment import Experiment  # imports pydantic, which the other functions need not
    from boxsup.config.fields import paper_of

    return [PublishedValue(**row, paper=paper_of(Experiment, row["key"])) for row in _read("published_values.csv")]


def published_experiments() -> list[str]:
    """The names of the rows' experiments, each once."""
    return list(dict.fromkeys(row.experiment for row in published_rows()))


def own_name(name: str, family: str) -> str:
    """The name of an experiment in a family of them: voc_box is demo_box in the family `demo`; "" if it has none."""
    if family == "voc":
        return name
    return f"{family}_{name.removeprefix('voc_')}" if name.startswith("voc_") else ""


def _read(name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(files("boxsup.config").joinpath(name).read_text(encoding="utf-8").splitlines()))
