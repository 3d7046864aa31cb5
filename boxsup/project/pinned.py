"""Puts a file of decisions into the configuration that `boxsup init` wrote: those boxes then have a person's masks."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from boxsup.catalogue.reviewed import read_reviewed
from boxsup.config.files import block, keys_of, read_keys
from boxsup.errors import ConfigError, DataError, StoreError
from boxsup.near import counted, shorter
from boxsup.store.atomic import write_text
from boxsup.store.ownership import claiming

LINE = re.compile(r"^( +supervision: \{masks: \w+, boxes: boxsup)(?:, reviewed: .*)?\}$", re.MULTILINE)


def pin_decisions(config: Path, reviewed: Path, write: bool = True) -> bool:
    """Make the experiment of a configuration use the decisions of `boxsup review`.

    Args:
        config: The file that `boxsup init` wrote.
        reviewed: The file of decisions.
        write: Whether to change the configuration, or only to say whether it would be changed.

    Returns:
        Whether the configuration was changed, or would be; not if it names the file already.

    Raises:
        DataError: There is no such file of decisions.
        ConfigError: The configuration cannot be read, or a person wrote or changed it; it then stays as it is.
    """
    if not reviewed.is_file():
        raise DataError(f"{reviewed}: no such file; `boxsup review` writes one into the folder of masks")
    wanted, keys = str(reviewed.absolute()), read_keys(config)
    try:
        experiments = block(keys, "experiments")
    except ConfigError as error:
        raise ConfigError(f"{config}: {str(error).removeprefix('config: ')}") from error
    named = [_reviewed(each) for each in experiments.values()]
    if named and all(name and Path(name).absolute() == Path(wanted) for name in named):
        return False
    advice = f"put `reviewed: {json.dumps(wanted)}` into `supervision` of {' and '.join(experiments)}"
    changed, count = LINE.subn(lambda found: with_reviewed(found[1], wanted), config.read_text(encoding="utf-8"))
    if count != 1:
        raise ConfigError(f"{config}: its line of `supervision` is not that of `boxsup init`; {advice}")
    if not write:
        return True
    try:
        with claiming(overwrite=False) as claims:
            claims.add([config])
            write_text(config, changed)
    except StoreError as error:
        raise ConfigError(f"{config}: you wrote or changed it, so it stays as it is; {advice}") from error
    return True


def left_behind(config: Path, reviewed: Path) -> list[str]:
    """A line for each other file that a configuration names now and whose decisions would be used no more.

    Args:
        config: The file that `boxsup init` wrote.
        reviewed: The file of decisions that it is to name.

    Raises:
        DataError: A file of decisions cannot be read.
        ConfigError: The configuration cannot be read.
    """
    kept = read_reviewed(reviewed).latest()
    named = map(_reviewed, keys_of(read_keys(config).get("experiments")).values())
    lines = []
    for name in dict.fromkeys(name for name in named if name and Path(name).is_file()):
        lost = [key for key in read_reviewed(Path(name)).latest() if key not in kept]
        if lost and Path(name).absolute() != reviewed.absolute():
            what = counted(len(lost), "box", "boxes")
            lines.append(f"{shorter(name)} has decisions on {what} more, which are used no more")
    return lines


def classes_not_trained(config: Path) -> list[str]:
    """A line for each file of decisions that says classes which the configuration does not train.

    Raises:
        DataError: A file of decisions is not there.
        ConfigError: The configuration cannot be read.
    """
    keys = read_keys(config)
    datasets, lines = keys_of(keys.get("datasets")), dict[str, None]()
    for experiment in keys_of(keys.get("experiments")).values():
        dataset = keys_of(datasets.get(str(keys_of(experiment).get("dataset"))))
        name, classes = _reviewed(experiment), dataset.get("classes")
        if not name or not isinstance(classes, list):
            continue
        counts = decided_classes(Path(name))
        others = [f"{other} ({counts[other]})" for other in sorted(counts.keys() - set(classes))]
        if others:
            said = f"{shorter(name)} says of boxes that they are {', '.join(others)}, no class of {shorter(config)}"
            advice = "to train on it, run `boxsup init` again as before, with it in --classes if you named some"
            lines[f"{said}: they are background; {advice}"] = None
    return list(lines)


def decided_classes(reviewed: Path) -> Counter[str]:
    """The classes of the boxes that a person's decisions say to hold an object, with the number of boxes.

    Raises:
        DataError: There is no such file.
    """
    decisions = read_reviewed(reviewed).latest().values()
    return Counter(decision.class_name for decision in decisions if decision.verdict == "mask")


def check_decisions(config: Path) -> None:
    """Check that the files of decisions which a configuration names are there.

    Raises:
        DataError: One is not.
    """
    for name, experiment in keys_of(read_keys(config).get("experiments")).items():
        reviewed = _reviewed(experiment)
        if reviewed and not Path(reviewed).is_file():
            raise DataError(
                f"{config}: experiment {name}: {reviewed}: no such file of decisions; put it back, or take `reviewed` "
                "out of `supervision`"
            )


def carried_over(config: Path, files: Mapping[str, Any]) -> tuple[str, str]:
    """The file of decisions that a configuration names, for one that is written in its place.

    Args:
        config: The configuration that is there, or nothing.
        files: Settings of the new splits, see `boxsup.catalogue.sources.Source.split_settings`.

    Returns:
        The file, or "" if there is none to be named again; and a line about it, or "".
    """
    try:
        keys = read_keys(config) if config.is_file() else {}
    except ConfigError:
        return "", ""
    experiments, datasets = ({**keys_of(keys.get(key))} for key in ("experiments", "datasets"))
    reviewed = next(filter(None, map(_reviewed, experiments.values())), "")
    if not reviewed:
        return "", ""
    splits = [keys_of(split) for each in datasets.values() for split in keys_of(keys_of(each).get("splits")).values()]
    if not any(all(split.get(key) == files[key] for key in ("images", "annotations")) for split in splits):
        return (
            "",
            f"{config} named decisions on masks of other images or boxes, {shorter(reviewed)}: it names them no more",
        )
    if not Path(reviewed).is_file():
        return "", f"{config} named decisions on masks, {shorter(reviewed)}, which are not there: it names them no more"
    return reviewed, f"decisions on masks are used as before, those in {shorter(reviewed)}"


def with_reviewed(supervision: str, reviewed: str) -> str:
    """The line of a configuration about supervision, with the file of decisions.

    >>> with_reviewed("supervision: {masks: none, boxes: boxsup", "masks/reviewed.jsonl")
    'supervision: {masks: none, boxes: boxsup, reviewed: "masks/reviewed.jsonl"}'
    """
    return f"{supervision}, reviewed: {json.dumps(reviewed, ensure_ascii=False)}}}"


def _reviewed(experiment: Any) -> str:  # noqa: ANN401 - YAML
    """The file of decisions that an experiment names; "" for none."""
    supervision = experiment.get("supervision") if isinstance(experiment, dict) else None
    return str(supervision.get("reviewed") or "") if isinstance(supervision, dict) else ""
