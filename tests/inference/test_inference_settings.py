"""What commands are told of inference: the keys that they read, and no others."""

import json

import pytest

from boxsup.errors import ConfigError
from boxsup.inference.settings import (
    READ_BY,
    CrfSearchInference,
    PredictionSettings,
    ScoringSettings,
    inference_settings,
    parse_inference,
)


@pytest.fixture
def experiment(config):
    return config["defaults"]


def told(stage, experiment):
    return inference_settings(READ_BY[stage], experiment)


def test_each_command_is_told_the_keys_that_it_reads(experiment):
    scored = {"threads", "scales", "background_bias"}
    assert set(told("validate", experiment)) == scored
    assert set(told("predictions", experiment)) == scored | {"crf"}
    assert set(told("crf_search", experiment)) == scored | {"crf", "crf_search"}


@pytest.mark.parametrize("stage", READ_BY)
def test_what_is_told_is_what_is_read(experiment, stage):
    settings = parse_inference(READ_BY[stage], json.dumps(told(stage, experiment)))
    assert settings.threads == experiment["training"]["threads"]
    assert list(settings.scales) == experiment["inference"]["scales"]


def test_a_weight_that_is_searched_changes_nothing_of_its_search(experiment):
    before = told("crf_search", experiment), told("predictions", experiment)
    experiment = {**experiment, "inference": {**experiment["inference"]}}
    experiment["inference"]["crf"] = experiment["inference"]["crf"] | {"bilateral_xy": 77.0}
    assert told("crf_search", experiment) == before[0]
    assert told("predictions", experiment) != before[1]
    experiment["inference"]["crf"] = experiment["inference"]["crf"] | {"iterations": 1}
    assert told("crf_search", experiment) != before[0]


def test_without_any_settings_a_network_is_asked_plainly():
    assert parse_inference(ScoringSettings, "{}") == ScoringSettings(threads=4, scales=(1.0,), background_bias=0.0)


@pytest.mark.parametrize(
    ("cls", "text", "message"),
    [
        (ScoringSettings, '{"crf": {}}', "inference.crf: unknown key"),
        (ScoringSettings, '{"scales": []}', "inference.scales: "),
        (ScoringSettings, '{"scales": [9]}', "inference.scales"),
        (ScoringSettings, '{"threads": 0}', "inference.threads: "),
        (ScoringSettings, '{"background_bias": NaN}', "inference.background_bias: "),
        (PredictionSettings, "{}", "inference: the key 'crf' is missing"),
        (CrfSearchInference, "[]", "inference: expected keys and values"),
    ],
)
def test_wrong_settings_are_one_line(cls, text, message):
    with pytest.raises(ConfigError, match=message) as error:
        parse_inference(cls, text)
    assert "\n" not in str(error.value)
