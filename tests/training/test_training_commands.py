"""The commands `network` and `epoch`, from tables to checkpoints on disk."""

import json
import os
import platform
import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from boxsup.catalogue.tables import read_catalogue, write_catalogue
from boxsup.cli import main
from boxsup.config.build import build
from boxsup.config.training import ScheduleSettings, TrainingSettings
from boxsup.machine.instructions import instructions
from boxsup.network.checkpoint import load_checkpoint, save
from boxsup.store.labels import labels_writer
from boxsup.training.data import EpochData, batch_order, batches
from boxsup.training.epoch import Step, make_optimizer, train_epoch
from boxsup.training.progress import Progress
from helpers.small_split import CLASSES, write_split
from helpers.training_runs import SCHEDULE, TRAINING, epoch_arguments, network_arguments

pytestmark = pytest.mark.slow  # networks train

SETTINGS = build(TrainingSettings, TRAINING, "training")
FILES = ("model.pt", "optimizer.pt", "train.csv")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Seven pictures and two epochs on them, two batches each."""
    folder = tmp_path_factory.mktemp("trained") / "run"
    write_split(folder, 7)
    main(network_arguments(folder))
    for epoch in (1, 2):
        main(epoch_arguments(folder, epoch))
    return folder


def test_epochs_leave_checkpoints_and_a_table(trained):
    for epoch in (1, 2):
        assert {path.name for path in (trained / f"epochs/{epoch:03d}").glob("[!.]*")} == set(FILES)
        assert load_checkpoint(trained / f"epochs/{epoch:03d}/model.pt").epoch == epoch
        table = pd.read_csv(trained / f"epochs/{epoch:03d}/train.csv")
        assert list(table.columns) == ["epoch", "iteration", "loss", "rate"]
        assert list(table["iteration"]) == [2 * epoch - 2, 2 * epoch - 1]
        assert (table["loss"] > 0).all()
    assert table["rate"].tolist() == pytest.approx([0.01 * 0.5**0.9, 0.01 * 0.25**0.9])
    start = load_checkpoint(trained / "epochs/000/model.pt")
    assert (start.epoch, start.classes, start.pretrained) == (0, CLASSES, {})


def test_other_processes_make_the_same_bytes(trained, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(trained, copy, ignore=shutil.ignore_patterns("epochs"))
    # The first epoch elsewhere, with other threads in the environment; the second here, read by a worker process.
    code = "import sys, json; from boxsup.cli import main; [main(run) for run in json.loads(sys.argv[1])]"
    runs = json.dumps([network_arguments(copy), epoch_arguments(copy, 1)])
    environment = os.environ | {"OMP_NUM_THREADS": "3"}
    subprocess.run([sys.executable, "-c", code, runs], check=True, env=environment, capture_output=True)
    main(epoch_arguments(copy, 2, "--workers", "1"))
    for file in ("000/model.pt", *(f"{epoch}/{name}" for epoch in ("001", "002") for name in FILES)):
        assert (copy / "epochs" / file).read_bytes() == (trained / "epochs" / file).read_bytes(), file


def test_a_chain_through_files_is_a_run_without_them(trained):
    schedule = build(ScheduleSettings, SCHEDULE, "schedule")
    model = load_checkpoint(trained / "epochs/000/model.pt").model.to(memory_format=torch.channels_last)
    optimizer = make_optimizer(model, SETTINGS)
    for epoch in (1, 2):
        data = EpochData(read_catalogue(trained / "catalogue"), trained / "labels.zarr", SETTINGS, 0, epoch)
        loader = batches(data, SETTINGS, 0, epoch, 0)
        train_epoch(model, optimizer, loader, len(loader), SETTINGS, schedule, 0, epoch, lambda step: None)
    expected = load_checkpoint(trained / "epochs/002/model.pt").model.state_dict()
    assert all(torch.equal(value, expected[name]) for name, value in model.state_dict().items())


def test_the_momentum_matters(trained):
    main([*epoch_arguments(trained, 2, out="forgetful")[:7], *epoch_arguments(trained, 2, out="forgetful")[9:]])
    forgetful, chained = (load_checkpoint(trained / f"{run}/002/model.pt").model for run in ("forgetful", "epochs"))
    assert not torch.equal(forgetful.head[4].weight, chained.head[4].weight)


def test_the_start_depends_on_the_seed(trained, tmp_path):
    for name, seed in (("same", 0), ("other", 1)):
        shutil.copytree(trained / "catalogue", tmp_path / name / "catalogue")
        main(network_arguments(tmp_path / name, seed))
    start = (trained / "epochs/000/model.pt").read_bytes()
    assert (tmp_path / "same/epochs/000/model.pt").read_bytes() == start
    assert (tmp_path / "other/epochs/000/model.pt").read_bytes() != start


def fails(arguments, capsys):
    with pytest.raises(SystemExit) as info:
        main(arguments)
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("boxsup: error: ")]
    assert info.value.code == 1
    return "".join(lines)


def test_a_diverging_epoch_writes_nothing(trained, capsys):
    arguments = epoch_arguments(trained, 1, out="diverged", training=TRAINING | {"rate": 1e30})
    message = fails(arguments, capsys)
    assert "epoch 1, iteration 1: the loss is nan" in message
    assert "lower training.rate" in message
    assert f"the last good checkpoint is {trained}/epochs/000/model.pt;" in message
    data = EpochData(read_catalogue(trained / "catalogue"), trained / "labels.zarr", SETTINGS, 0, 1)
    second = [data.ids[index] for index in batch_order(data, SETTINGS, 0, 1)[1]]
    assert f"its images: {', '.join(second)};" in message
    assert len(set(second)) == SETTINGS.batch
    assert not (trained / "diverged").exists()


def test_momentum_of_another_network_is_refused(trained, capsys, tmp_path):
    for content in ({"momentum": [torch.zeros(3)]}, {}):
        save(tmp_path / "optimizer.pt", content)
        arguments = epoch_arguments(trained, 2, out="refused")
        arguments[8] = str(tmp_path / "optimizer.pt")
        assert "momentum buffers are those of another network" in fails(arguments, capsys)


def test_weights_of_another_network_are_refused(trained, capsys, tmp_path):
    import hashlib

    path = tmp_path / "other.pth"
    for content, message in (
        ({"features.0.weight": torch.zeros(1)}, "not the weights of torchvision's mobilenet_v2"),
        ([1], "not a file of weights"),
    ):
        with path.open("wb") as file:
            torch.save(content, file)
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        shutil.copytree(trained / "catalogue", tmp_path / "catalogue", dirs_exist_ok=True)
        assert message in fails(network_arguments(tmp_path, weights=str(path), sha256=sha256), capsys)
        assert not (tmp_path / "epochs").exists()


def test_a_run_starts_from_the_checkpoint_of_another(trained, capsys, tmp_path):
    write_catalogue(tmp_path / "catalogue", replace(read_catalogue(trained / "catalogue"), classes=(*CLASSES, "cone")))
    start = ["--init", str(trained / "epochs/002/model.pt"), "--drop"]
    assert "head.4.weight is 3×256×1×1 in the checkpoint, 4×256×1×1 here" in fails(
        network_arguments(tmp_path) + start, capsys
    )
    main([*network_arguments(tmp_path), *start, "head.4"])
    made, source = (
        load_checkpoint(folder / "model.pt") for folder in (tmp_path / "epochs/000", trained / "epochs/002")
    )
    assert (made.epoch, made.classes) == (0, (*CLASSES, "cone"))
    assert made.pretrained["file"] == start[1]
    assert torch.equal(made.model.head[0].weight, source.model.head[0].weight)
    assert made.model.head[4].weight.shape == (4, 256, 1, 1)
    assert "from " + start[1] in capsys.readouterr().err


def test_a_log_gets_about_ten_lines_an_epoch(capsys):
    with Progress(3, 100, 20, None) as progress:
        for number in range(100):
            progress.step(Step(3, 200 + number, 1.5, 0.01, 2.0 * (number + 1)))
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 10
    assert lines[-1] == "epoch 3: batch 100 of 100, loss 1.500, 10.0 images/s"


def test_tensorboard_gets_each_step(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

    with Progress(1, 2, 4, tmp_path / "events") as progress:
        progress.step(Step(1, 0, 2.0, 0.01, 1.0))
        progress.step(Step(1, 1, 1.0, 0.01, 2.0))
    (file,) = (tmp_path / "events").iterdir()
    values = [
        (event.step, value.tag, value.tensor.float_val[0])
        for event in EventFileLoader(str(file)).Load()
        for value in event.summary.value
    ]
    assert [(step, value) for step, tag, value in values if tag == "loss"] == [(0, 2.0), (1, 1.0)]
    assert len(values) == 4


def test_what_does_not_belong_together_is_refused_before_anything_is_written(trained, capsys, tmp_path):
    catalogue = read_catalogue(trained / "catalogue")
    write_catalogue(tmp_path / "other", replace(catalogue, classes=("background", "square", "disc")))

    def refused(epoch, option, value):
        arguments = epoch_arguments(trained, epoch, out="mixed")
        arguments[arguments.index(option) + 1] = str(value)
        return fails(arguments, capsys)

    assert "its classes are not those of the split" in refused(1, "--catalogue", tmp_path / "other")
    assert "it is of epoch 1; epoch 1 goes on from that of 0" in refused(1, "--model", trained / "epochs/001/model.pt")
    assert "it is of epoch 0; epoch 2 goes on from that of 1" in refused(2, "--model", trained / "epochs/000/model.pt")
    message = refused(2, "--optimizer", trained / "epochs/002/optimizer.pt")
    assert "optimizer.pt: it is of epoch 2, and the checkpoint of 1; name its own" in message
    for name, label, attributes, expected in (
        ("more", 3, {}, "has labels of more classes than the split's 3"),
        ("named", 1, {"classes": ["background", "cat", "dog"]}, "its classes are not those of the split"),
    ):
        maps = [np.full((row.height, row.width), label, np.uint8) for row in catalogue.rows()]
        with labels_writer(tmp_path / f"{name}.zarr", catalogue.ids, catalogue.sizes, attributes) as writer:
            for image, labels in zip(catalogue.ids, maps, strict=True):
                writer.append(image, labels=labels)
        assert expected in refused(1, "--labels", tmp_path / f"{name}.zarr")
    assert not (trained / "mixed").exists()


def test_an_epoch_says_where_it_goes_on_with_other_instructions(trained, capsys, tmp_path):
    own = torch.load(trained / "epochs/001/optimizer.pt")
    assert own["epoch"] == 1
    assert own["instructions"] == instructions()
    shutil.copytree(trained / "epochs/001", tmp_path / "001")
    other = {**own, "instructions": {**own["instructions"], "torch": "x86_64 NONE"}}
    save(tmp_path / "001/optimizer.pt", other)
    arguments = epoch_arguments(trained, 2, out="elsewhere")
    arguments[6], arguments[8] = str(tmp_path / "001/model.pt"), str(tmp_path / "001/optimizer.pt")
    main(arguments)
    said = capsys.readouterr().err
    assert f"warning: {tmp_path}/001/model.pt was made with x86_64 NONE of torch, this goes on with " in said
    assert said.count("warning:") == 1
    model = (trained / "elsewhere/002/model.pt").read_bytes()
    assert model == (trained / "epochs/002/model.pt").read_bytes()


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the levels are those of x86")
def test_a_process_tells_the_level_that_it_was_told_to_use():
    code = "from boxsup.machine.instructions import instructions; print(instructions()['torch'], instructions(False))"
    environment = os.environ | {"ATEN_CPU_CAPABILITY": "default"}
    said = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert said.stdout.startswith("x86_64 DEFAULT ")
    assert "torch" not in said.stdout


@pytest.fixture(scope="module")
def pooling(tmp_path_factory):
    """Three pictures, and a network that normalises means over images, with its first checkpoint."""
    pytest.importorskip("segmentation_models_pytorch")
    folder = tmp_path_factory.mktemp("pooling") / "run"
    write_split(folder, 3)
    main(network_arguments(folder, name="smp", decoder="deeplabv3plus", encoder="tu-mobilenetv3_small_050"))
    return folder


def only_first(folder, catalogue):
    """Write the tables of the first image of a split into a folder."""
    split = read_catalogue(folder / "catalogue")
    write_catalogue(catalogue, replace(split, images=split.images.iloc[:1]))
    return str(catalogue)


def test_a_batch_of_one_image_that_cannot_be_normalised_is_one_line(pooling, tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(epoch_arguments(pooling, 1, out="alone", training=TRAINING | {"batch": 1}))
    error = capsys.readouterr().err.splitlines()[-1]
    assert "error: training.batch: 1 image is too few: of each channel, body.decoder.aspp" in error
    assert error.endswith("gets one value, which it cannot normalise; set it to 2 or more, or choose another network")
    arguments = epoch_arguments(pooling, 1, out="alone")
    arguments[arguments.index("--catalogue") + 1] = only_first(pooling, tmp_path / "one")
    with pytest.raises(SystemExit):
        main(arguments)
    error = capsys.readouterr().err.splitlines()[-1]
    assert "error: the training split has a single image: of each channel, " in error
    assert error.endswith("; add images, or choose another network")
    assert not (pooling / "alone").exists()


def test_no_batch_of_an_epoch_has_one_image_left(pooling):
    main(epoch_arguments(pooling, 1, out="pairs", training=TRAINING | {"batch": 2}))
    assert len(pd.read_csv(pooling / "pairs/001/train.csv")) == 1  # the third image waits for another epoch


def test_a_network_that_can_trains_on_a_single_image(trained, tmp_path):
    for name, batch in (("one", 3), ("each", 1)):
        arguments = epoch_arguments(trained, 1, training=TRAINING | {"batch": batch})
        if name == "one":
            arguments[arguments.index("--catalogue") + 1] = only_first(trained, tmp_path / "catalogue")
        arguments[-1] = str(tmp_path / name)
        main(arguments)
        assert len(pd.read_csv(tmp_path / name / "train.csv")) == (1 if name == "one" else 7)
