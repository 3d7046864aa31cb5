"""What `boxsup run` says: the work of a job, spans of time, what a log says at its end."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping

from boxsup.stages import STAGES

TAIL = 4096  # bytes of a log that are read for its last lines


def doing(rule: str, wildcards: Mapping[str, str]) -> str:
    """What a job makes.

    >>> doing("epoch", {"experiment": "own_box", "seed": "0", "epoch": "003"})
    'epoch 3'
    >>> doing("proposals", {"dataset": "own", "split": "train", "i": "0", "n": "5"})
    'candidates of own/train, part 1 of 5'

    Args:
        rule: Name of its rule.
        wildcards: Their values.
    """
    stage = STAGES.get(rule)
    if stage is None:
        return rule
    values = defaultdict(str, wildcards)
    if "epoch" in values:
        values["epoch"] = str(int(values["epoch"])) if values["epoch"].isdigit() else values["epoch"]
    if "i" in values and values["i"].isdigit():
        values["i"] = str(int(values["i"]) + 1)  # parts count from 0 in paths
    if values["seed"] not in ("", "0"):
        return f"{(stage.doing or stage.help).format_map(values)}, seed {values['seed']}"
    return (stage.doing or stage.help).format_map(values)


def kind_of_job(rule: str) -> str:
    """What all jobs of a rule make, without what tells one from another.

    >>> kind_of_job("proposals"), kind_of_job("labels"), kind_of_job("fixed_masks")
    ('candidates', 'labels', 'masks')
    """
    text = (STAGES[rule].doing or STAGES[rule].help) if rule in STAGES else rule
    return re.split(r",| of \{| \{| (?:of|for) epoch", text.replace("{kind} ", ""))[0]


def span(seconds: float) -> str:
    """A span of time.

    >>> span(7.4), span(100), span(3 * 3600 + 500), span(100 * 3600)
    ('7 s', '2 min', '3 h 8 min', '4 days 4 h')
    """
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min"
    return f"{hours // 24} days {hours % 24} h"


def said_at_end(rule: str, log: str) -> str:
    """What a stage says in the last line of its log, without its own name and without paths; "" if it says nothing.

    >>> said_at_end("epoch", "epoch 3: batch 30 of 30, loss 0.702, 5.6 images/s")
    'loss 0.702, 5.6 images/s'
    >>> said_at_end("validate", "validate: results/a/model.pt: mean IoU 46.6 % without CRF, over 60 images")
    'mean IoU 46.6 % without CRF, over 60 images'
    >>> said_at_end("proposals", "proposals: 60 images, 0.36 s an image -> results/data/demo/0-of-2.zarr")
    '60 images, 0.36 s an image'
    """
    lines = [line for line in log.splitlines() if line.strip()]
    if not lines:
        return ""
    text = re.sub(r" -> \S.*$", "", lines[-1])
    command = STAGES[rule].command if rule in STAGES else rule
    text = re.sub(rf"^({re.escape(command)}|{re.escape(command.split()[0])}): ", "", text)
    text = re.sub(r"^(epoch|generation) \d+: (batch \d[\d,]* of \d[\d,]*, )?", "", text)
    return re.sub(r"^\S*/\S*: ", "", text)


def end_of(path: str) -> str:
    """The end of a log; "" if it cannot be read."""
    try:
        with open(path, "rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - TAIL))
            return file.read().decode(errors="replace")
    except OSError:
        return ""
