import copy

import pytest

from boxsup.config.build import build, parse
from boxsup.config.datasets import ShapesSettings
from boxsup.config.files import block, merge, project_config
from boxsup.config.inference import CrfSettings
from boxsup.config.params import canonical, epoch_settings, generation_settings
from boxsup.config.resolve import resolve
from boxsup.config.training import POOLING, NetworkSettings, ScheduleSettings, TrainingSettings
from boxsup.config.update import UpdateSettings
from boxsup.errors import ConfigError
from boxsup.proposals.methods import build_settings, make_proposer

START = "experiments.context_coco_box.init_from"
BOX = {"dataset": "voc", "train": "trainaug", "val": "val"}


def changed(config, path, value):
    """A copy of the configuration with one value changed; None deletes the key."""
    config = copy.deepcopy(config)
    *parents, key = path.split(".")
    block = config
    for parent in parents:
        block = block[parent]
    if value is None:
        del block[key]
    else:
        block[key] = value
    return config


def test_the_projects_configuration_is_whole(config):
    resolved = resolve(config)
    assert resolved["experiments"]["voc_semi"]["training"]["batch"] == 20
    assert resolved["experiments"]["demo_semi"]["training"]["batch"] == 4
    assert resolved["experiments"]["demo_semi"]["training"]["momentum"] == 0.9


def test_every_experiment_has_exactly_what_the_stages_read(config):
    resolved = resolve(config)
    for name, experiment in resolved["experiments"].items():
        build(NetworkSettings, experiment["network"], name)
        build(ScheduleSettings, experiment["schedule"], name)
        build(CrfSettings, experiment["inference"]["crf"], name)
        build(TrainingSettings, epoch_settings(experiment["training"]), name)
        build(UpdateSettings, generation_settings(experiment["update"]), name)
    for name, proposals in resolved["proposals"].items():
        make_proposer(build_settings(proposals, name))
    build(ShapesSettings, resolved["datasets"]["demo"]["shapes"], "demo")


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("experiments.voc_semi.epoch", 3, r"experiments\.voc_semi\.epoch: unknown key; did you mean epochs\?"),
        (
            "experiments.voc_semi.network",
            {"name": "deeplab_4x4", "encoder": "resnet18"},
            r"voc_semi\.network\.encoder: deeplab_4x4 has none; write `name: smp` beside it",
        ),
        (
            "experiments.voc_semi.network",
            {"name": "smp", "decoder": "deeplabv3pluss"},
            r"voc_semi\.network\.decoder: expected .*did you mean deeplabv3plus\?",
        ),
        ("defaults.update.kk", 3, r"config: defaults\.update\.kk: unknown key; did you mean k\?"),
        ("experiments.voc_semi.dataset", "vok", r"experiments\.voc_semi\.dataset: 'vok' is no data set.*mean voc\?"),
        ("experiments.voc_semi.train", "tests", r"experiments\.voc_semi\.train: 'tests' is no split of voc"),
        ("experiments.voc_semi.supervision.masks", "some", r"supervision\.masks: 'some' is no none, all or a split"),
        ("defaults.proposals", "mgc", r"proposals: 'mgc' is no proposals"),
        ("defaults.training.rate", "1e-3", r"training\.rate: expected a number, got '1e-3' \(YAML takes it for text"),
        ("defaults.update.k", 0, r"defaults\.update\.k: expected a number above 0, got 0"),
        ("experiments.voc_semi.update", "papre", r"voc_semi\.update: 'papre' is no named update.*did you mean paper"),
        ("experiments.voc_semi.update", {"preset": "paper", "kk": 1}, r"update\.kk: unknown key"),
        ("updates.paper.region", "boxes", r"updates\.paper\.region: expected one of box, image, got 'boxes'"),
        (
            "experiments.voc_semi.update",
            {"preset": "paper", "correction": {"start": 30, "end": 0.5, "generations": 45}},
            r"voc_semi\.update\.correction: expected null with `regression: cross_entropy`",
        ),
        (
            "experiments.voc_semi.update",
            {"mu": 0, "correction": {"generations": 45}},
            r"voc_semi\.update\.correction: expected null with `mu: 0`",
        ),
        (
            "experiments.voc_semi.update",
            {"correction": {"start": float("inf"), "generations": 45}},
            r"voc_semi\.update\.correction\.start: expected a finite number",
        ),
        ("experiments.voc_semi.update", ["paper"], r"voc_semi\.update: expected keys and values, got \['paper'\]"),
        ("experiments.voc_semi.dataset", None, r"experiments\.voc_semi: the key 'dataset' is missing"),
        ("datasets.voc.root", None, r"datasets\.voc: the key 'root' is missing"),
        ("experiments.voc_semi", 3, r"experiments\.voc_semi: expected keys and values, got 3"),
        ("datasets.voc.format", "vok", r"datasets\.voc\.format: expected one of shapes, voc, .*, got 'vok'"),
        ("datasets.coco.splits.val2017.masks", None, r"splits\.val2017: the key 'masks' is missing"),
        (
            "datasets.coco.proposals_of",
            "coco_voc",
            r"coco\.proposals_of: coco_voc has no proposals of its own; name coco",
        ),
        ("datasets.coco_voc.shards", 3, r"coco_voc\.proposals_of: coco must have the same splits and as many shards"),
        ("datasets.coco_voc.megapixels", 1.0, r"coco_voc\.proposals_of: coco must have the same megapixels"),
        (
            "datasets.voc_coco.splits.val",
            ["vok/val"],
            r"splits\.val: 'vok' is no data set that a union can join.*mean voc\?",
        ),
        ("datasets.voc_coco.splits.val", ["voc/tests"], r"splits\.val: 'tests' is no split of voc"),
        (
            "datasets.voc_coco.splits.val",
            ["coco_trainval/val"],
            r"'coco_trainval' is no data set that a union can join",
        ),
        ("datasets.voc_coco.splits.val", ["coco/val2017"], r"val: coco has other classes, or in another order"),
        ("datasets.voc_coco.splits.val", ["voc"], r"voc_coco\.splits\.val\.0: expected text like .*, got 'voc'"),
        ("datasets.voc_coco.shards", 3, r"datasets\.voc_coco\.shards: unknown key"),
        (f"{START}.experiment", "coco_bx", r"init_from\.experiment: 'coco_bx' is no experiment.*mean coco_box"),
        (f"{START}.epoch", 46, r"init_from\.epoch: coco_box has 45 epochs only"),
        (f"{START}.experiment", "voc_box", r"init_from\.experiment: voc_box has the network deeplab_4x4"),
        (f"{START}.experiment", "context_coco_box", r"init_from: experiments that start from one another"),
        (
            "experiments.voc_box.training",
            {"gpus": 21},
            r"voc_box\.training\.gpus: 21 have no image each in a batch of 20",
        ),
        *(
            (
                "experiments.voc_box",
                BOX | {"network": {"name": "smp", "decoder": decoder}, "training": {"batch": 1}},
                rf"voc_box\.training\.batch: 1 is too few for {decoder}, which .*; set it to 2 or more, or choose",
            )
            for decoder in POOLING
        ),
        ("defaults.training.scale", [1.2, 0.8], r"training\.scale: expected the least scale first, got \[1\.2, 0\.8\]"),
        ("defaults.training.scale", [1.0, 4.5], r"training\.scale\.1: expected a number of 4 or less, got 4\.5"),
        ("defaults.inference.scales", [1, 5], r"inference\.scales\.1: expected a number of 4 or less, got 5"),
        ("defaults.update.scales", [1, 5], r"update\.scales\.1: expected a number of 4 or less, got 5"),
        ("defaults.inference.background_bias", float("inf"), r"background_bias: expected a finite number, got inf"),
        ("defaults.inference.background_bias", float("nan"), r"background_bias: expected a finite number, got nan"),
        ("defaults.training.weight_decay", float("nan"), r"weight_decay: expected a finite number, got nan"),
        ("defaults.objects.size", 24, r"objects\.size: expected a number of 25 or more, got 24"),
        (f"{START}.drop", None, r"init_from: the key 'drop' is missing"),
        (
            "experiments.boxsup_plus.checkpoints_of",
            "voc_smi",
            r"checkpoints_of: 'voc_smi' is no experiment.*mean voc_semi\?",
        ),
        (
            "experiments.boxsup_plus.checkpoints_of",
            "voc_semi",
            r"checkpoints_of: voc_semi has another supervision, and so",
        ),
        ("experiments.boxsup_plus.seeds", [0, 1], r"checkpoints_of: voc07_coco_semi has the seeds \[0\] only"),
        (
            "experiments.voc07_coco_semi.checkpoints_of",
            "boxsup_plus",
            r"checkpoints_of: (boxsup_plus|voc07_coco_semi) ",
        ),
        ("pages.paper", {"full": "", "small": "dmeo", "run": False}, r"pages\.paper: no experiment is of 'dmeo'"),
        ("pages.demo_mask", {"full": "", "small": "demo", "run": False}, r"pages\.demo_mask: an experiment has this"),
        ("dataset", {}, r"config: dataset: unknown key; did you mean datasets\?"),
    ],
)
def test_each_mistake_is_one_line_that_names_the_key(config, path, value, message):
    with pytest.raises(ConfigError, match=message) as caught:
        resolve(changed(config, path, value))
    assert "\n" not in str(caught.value)


def test_a_union_has_the_classes_of_its_parts(config):
    datasets = resolve(config)["datasets"]
    assert datasets["voc07_coco"]["classes"] == config["datasets"]["voc"]["classes"]
    assert len(datasets["coco_trainval"]["classes"]) == 80


def test_an_experiment_may_start_from_a_named_update(config):
    config = changed(config, "experiments.voc_box.update", "paper")
    config = changed(config, "experiments.voc_semi.update", {"preset": "paper", "k": 1})
    experiments = resolve(config)["experiments"]
    assert experiments["voc_box"]["update"] == {**experiments["voc_mask"]["update"], **config["updates"]["paper"]}
    assert experiments["voc_semi"]["update"] == {**experiments["voc_box"]["update"], "k": 1}


def test_merging_keeps_what_is_not_named():
    base = {"a": {"x": 1, "y": [1, 2]}, "b": 2}
    assert merge(base, {"a": {"y": [3]}, "c": 4}) == {"a": {"x": 1, "y": [3]}, "b": 2, "c": 4}
    assert base == {"a": {"x": 1, "y": [1, 2]}, "b": 2}


def test_the_order_of_keys_does_not_matter():
    assert canonical({"b": 1, "a": {"d": 2, "c": 3}}) == canonical({"a": {"c": 3, "d": 2}, "b": 1})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "network: not JSON"),
        ("[]", r"network: expected keys and values, got \[\]"),
        ('{"name": "fcn8s", "weights": "none"}', r"network: the key 'sha256' is missing"),
        ('{"name": "fcn8s", "weights": "none", "sha256": "", "colour": 1}', r"network\.colour: unknown key"),
        ('{"name": 3, "weights": "none", "sha256": ""}', r"network\.name: expected one of fcn32s, .*, got 3"),
    ],
)
def test_a_stages_settings_are_checked(text, message):
    with pytest.raises(ConfigError, match=message):
        parse(NetworkSettings, text, "network")


@pytest.mark.parametrize(
    ("key", "value", "ok"),
    [("rate", 1, True), ("rate", True, False), ("rate", "1", False), ("batch", 2.0, False), ("mirror", 1, False)],
)
def test_numbers_are_not_truth_values_and_whole_numbers_are_whole(config, key, value, ok):
    training = epoch_settings(config["defaults"]["training"]) | {key: value}
    if ok:
        assert isinstance(build(TrainingSettings, training, "training").rate, float)
    else:
        with pytest.raises(ConfigError, match=rf"training\.{key}: expected"):
            build(TrainingSettings, training, "training")


def test_the_package_has_the_projects_configuration_and_lays_a_file_over_it(config, tmp_path):
    assert project_config() == config
    (tmp_path / "own.yaml").write_text("defaults: {inference: {crf: {iterations: 3}}}")
    crf = block(project_config(tmp_path / "own.yaml"), "defaults", "inference", "crf")
    assert crf == {**config["defaults"]["inference"]["crf"], "iterations": 3}


@pytest.mark.parametrize("text", ["[1, 2]", "a: [", "!!python/object/apply:os.mkdir [made]", "\xff"])
def test_a_file_that_is_no_configuration_is_one_line(tmp_path, monkeypatch, text):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.yaml").write_bytes(text.encode("latin-1"))
    with pytest.raises(ConfigError, match=r"own\.yaml") as info:
        project_config(tmp_path / "own.yaml")
    assert "\n" not in str(info.value)
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("text", ["defaults: 3", "defaults: {inference: none}", "defaults: {inference: {crf: [1]}}"])
def test_a_value_in_place_of_keys_is_named(tmp_path, text):
    (tmp_path / "own.yaml").write_text(text)
    with pytest.raises(ConfigError, match=r"config: defaults.*: expected keys and values, got"):
        block(project_config(tmp_path / "own.yaml"), "defaults", "inference", "crf")
