"""What is written from the models is up to date, and says what they say."""

import json
import subprocess
import sys

import jsonschema
import pytest
import yaml

from boxsup.config.__main__ import generated_files
from boxsup.config.build import build
from boxsup.config.experiment import Experiment
from boxsup.config.fields import Settings, defaults_of, setting, stage_settings
from boxsup.config.files import merge
from boxsup.config.published import published_values
from boxsup.config.schema import json_schema
from boxsup.errors import ConfigError
from helpers.blocks import with_value
from helpers.paths import ROOT

CONFIGURATIONS = ["config.yaml", "benchmarks/voc240.yaml", "tests/workflow/tiny.yaml", "tests/workflow/voc_mini.yaml"]


@pytest.mark.parametrize("path", generated_files(), ids=lambda path: path.name)
def test_what_is_made_is_up_to_date(path):
    assert path.read_text() == generated_files()[path], "run `make settings`"


def test_the_configuration_states_the_defaults_of_the_models(config):
    assert json.dumps(config["defaults"]) == json.dumps(defaults_of(Experiment))  # 10 is not 10.0, and the order counts


@pytest.mark.parametrize("path", CONFIGURATIONS)
def test_an_editor_takes_the_projects_configurations(config, path):
    jsonschema.validate(merge(config, yaml.safe_load((ROOT / path).read_text())), json_schema())


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        (("experiments", "voc_box", "epoch"), 3),
        (("experiments", "voc_box", "update"), {"k": 0}),
        (("experiments", "voc_box", "inference"), {"scales": [1.0, 1.0]}),
        (("datasets", "voc", "format"), "vok"),
        (("datasets", "voc_coco", "splits", "val"), []),
        (("defaults", "training", "rate"), "1e-3"),
        (("searches", "voc_box_search", "values"), {"update.k": []}),
    ],
)
def test_an_editor_marks_what_the_models_refuse(config, keys, value):
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(with_value(config, keys, value), json_schema())


def test_the_package_has_the_schema():
    assert json.loads((ROOT / "boxsup/config/schema.json").read_text()) == json_schema()


def test_every_value_on_the_papers_page_is_one_that_a_model_gives():
    assert [value.key for value in published_values() if not value.paper] == []


def test_a_late_setting_at_its_default_is_not_told():
    class Stage(Settings):
        rate: float = setting(0.1, "of learning")
        dummy: int = setting(3, "of a later version", late=True)

    assert stage_settings(Stage, {"rate": 0.1, "dummy": 3, "workers": 2}) == {"rate": 0.1}
    assert stage_settings(Stage, {"rate": 0.1, "dummy": 4}) == {"rate": 0.1, "dummy": 4}
    assert build(Stage, {"rate": 1}, "stage").dummy == 3
    with pytest.raises(ConfigError, match="stage: the key 'rate' is missing"):
        build(Stage, {"dummy": 3}, "stage")


def test_help_needs_no_models():
    code = "import sys; from boxsup.cli import make_parser; make_parser([]); print('pydantic' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert told.stdout == "False\n"
