"""What the configuration accepts, the stages take: none refuses a value after others have computed for hours."""

import math

import pytest

from boxsup.config.build import parse
from boxsup.config.datasets import ShapesSettings
from boxsup.config.inference import CrfSettings
from boxsup.config.objects import ObjectNetSettings
from boxsup.config.params import (
    canonical,
    epoch_settings,
    generation_settings,
    lesson_settings,
    network_settings,
    object_settings,
)
from boxsup.config.resolve import resolve
from boxsup.config.training import NetworkSettings, ScheduleSettings, TrainingSettings
from boxsup.config.update import ExpectationSettings, UpdateSettings
from boxsup.errors import ConfigError
from boxsup.inference.labelling import labelling_settings, parse_labelling
from boxsup.inference.settings import READ_BY, inference_settings, parse_inference
from boxsup.proposals.methods import build_settings
from helpers.blocks import with_value

NUMBERS = [-1, 0, 1, 5, 24, 10**9, -0.5, 0.0, 0.5, 1.0, 4.5, 1e9, math.inf, math.nan]
ODD = [*NUMBERS, True, None, "", "x", [], {}, *([number] for number in NUMBERS), [1, 5], [0.5, 2.0], [2.0, 0.5], [1, 1]]
REFUSED_BY_RESOLVE = {  # keys of an experiment -> values that a stage once refused after training
    "inference.scales": [[1, 5]],
    "update.scales": [[1, 5]],
    "inference.background_bias": [math.inf, math.nan],
    "training.scale": [[1.2, 0.8], [1, math.inf]],
}


def read_by_stages(experiment):
    """Parse what each stage is told of an experiment as the stage does; one that refuses it raises a ConfigError."""
    parse(NetworkSettings, canonical(network_settings(experiment["network"])))
    parse(ScheduleSettings, canonical(experiment["schedule"]))
    parse(TrainingSettings, canonical(epoch_settings(experiment["training"])))
    parse(ObjectNetSettings, canonical(object_settings(experiment["objects"])))
    parse(UpdateSettings, canonical(generation_settings(experiment["update"])))
    for turn in (1, 2):
        parse(ExpectationSettings, canonical(lesson_settings(experiment["update"], turn)))
    for cls in READ_BY.values():
        parse_inference(cls, canonical(inference_settings(cls, experiment)))
    # As the label update asks the network of the epoch before.
    asking = {"scales": experiment["update"]["scales"], "threads": experiment["training"]["threads"]}
    parse_inference(READ_BY["validate"], canonical(asking))
    parse(CrfSettings, canonical(experiment["inference"]["crf"]))
    parse_labelling(canonical(labelling_settings(experiment, "one", 0.31)), "labelling")


def leaves(block, *keys):
    """The keys of every setting in a block of blocks."""
    if not isinstance(block, dict):
        return [keys]
    return [found for key, value in block.items() for found in leaves(value, *keys, key)]


@pytest.fixture
def small(config):
    """The project's configuration with one experiment, so that it is resolved quickly."""
    shapes = config["datasets"]["demo"]
    one = {"dataset": "demo", "train": "train", "val": "val"}
    return {
        "datasets": {"demo": shapes},
        "proposals": config["proposals"],
        "updates": {},
        "defaults": config["defaults"],
        "experiments": {"one": one},
        "searches": {},
        "pages": {},
    }


@pytest.mark.slow
def test_a_setting_of_an_experiment_that_is_accepted_is_taken_by_every_stage(small):
    refused, paths = 0, leaves(small["defaults"])
    assert {".".join(keys) for keys in paths} >= set(REFUSED_BY_RESOLVE)
    for keys in paths:
        for value in ODD + REFUSED_BY_RESOLVE.get(".".join(keys), []):
            try:
                experiment = resolve(with_value(small, ("defaults", *keys), value))["experiments"]["one"]
            except ConfigError:
                refused += 1
                continue
            read_by_stages(experiment)
    assert refused > 1000  # the values are odd enough


@pytest.mark.parametrize("key", REFUSED_BY_RESOLVE)
def test_what_a_stage_refused_after_training_is_refused_before(small, key):
    for value in REFUSED_BY_RESOLVE[key]:
        with pytest.raises(ConfigError, match=key.replace(".", r"\.")):
            resolve(with_value(small, ("defaults", *key.split(".")), value))


@pytest.mark.slow
def test_proposals_and_data_that_are_accepted_are_taken_by_their_stages(small):
    for name, method in small["proposals"].items():
        for keys in leaves(method):
            for value in ODD:
                try:
                    resolved = resolve(with_value(small, ("proposals", name, *keys), value))
                except ConfigError:
                    continue
                build_settings(resolved["proposals"][name], name)
    late = [name for name, field in ShapesSettings.model_fields.items() if not field.is_required()]
    for key in (*small["datasets"]["demo"]["shapes"], *late):
        for value in ODD:
            try:
                resolved = resolve(with_value(small, ("datasets", "demo", "shapes", key), value))
            except ConfigError:
                continue
            parse(ShapesSettings, canonical(resolved["datasets"]["demo"]["shapes"]))


def test_no_setting_takes_a_number_that_is_not_finite(small):
    for keys in leaves(small["defaults"]):
        for number in (math.inf, -math.inf, math.nan):
            for value in (number, [number], [1.0, number]):
                with pytest.raises(ConfigError):
                    resolve(with_value(small, ("defaults", *keys), value))
