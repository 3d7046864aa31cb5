"""An epoch in several processes, started as the command starts them, beside the same epoch in one."""

import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import psutil
import pytest
import torch
from torch.nn import functional

from boxsup.cli import main
from boxsup.config.training import network_name
from boxsup.network import build_network
from boxsup.network.checkpoint import load_checkpoint
from boxsup.training.parallel import all_reduce_sum, distribute_model, is_main_process, rank_slice, world_size
from boxsup.training.torchrun import run_in_processes
from helpers.processes import ended
from helpers.small_split import write_split
from helpers.training_runs import TRAINING, epoch_arguments, network_arguments

pytestmark = pytest.mark.slow  # several processes train

PATIENCE = 120  # s until processes have come so far that they are killed
GENTLE = TRAINING | {"batch": 5, "rate": 0.0001}
SMP = {"name": "smp", "decoder": "deeplabv3plus", "encoder": "tu-mobilenetv3_small_050"}


def boxsup(arguments):
    run = [sys.executable, "-m", "boxsup", *arguments]
    return subprocess.Popen(run, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    """Eleven pictures and a network: two batches of five."""
    folder = tmp_path_factory.mktemp("parallel") / "run"
    write_split(folder, 11)
    main(network_arguments(folder))
    return folder


def first_step(*, name, out):
    """Loss, gradients and statistics of a network's first step on five images, in double precision; one writes them."""
    torch.manual_seed(0)
    network = build_network(name, 3).double().train()
    images, labels = torch.randn(5, 3, 33, 33, dtype=torch.float64), torch.randint(0, 3, (5, 3, 3))
    labels[0, 1:] = 255
    labels[4] = 255
    own = rank_slice(5)
    torch.manual_seed(1)  # of dropout
    whole = distribute_model(network, 5)
    scores = whole(images[own])
    for axis in (1, 2):  # to the stride of the network
        labels = labels.repeat_interleave(scores.shape[-1] // 3, axis)
    lost = functional.cross_entropy(scores, labels[own], ignore_index=255, reduction="sum")
    loss = lost / all_reduce_sum((labels[own] != 255).sum())
    (loss * world_size()).backward()
    total = all_reduce_sum(loss)
    if is_main_process():
        gradients = {name: value.grad for name, value in network.named_parameters()}
        torch.save({"loss": total, "gradients": gradients, "state": network.state_dict()}, out)


@pytest.mark.parametrize("settings", [{"name": "mobilenet_v2"}, SMP])
def test_a_step_of_two_processes_is_that_of_one(tmp_path, settings):
    if settings is SMP:
        pytest.importorskip("segmentation_models_pytorch")
    name = network_name(settings)
    first_step(name=name, out=tmp_path / "one.pt")
    run_in_processes(first_step, 2, name=name, out=tmp_path / "two.pt")
    one, two = (torch.load(tmp_path / f"{name}.pt") for name in ("one", "two"))
    torch.testing.assert_close(two["loss"], one["loss"], rtol=1e-12, atol=0)
    largest = max(value.abs().max() for value in one["gradients"].values())
    for name, value in one["gradients"].items():
        torch.testing.assert_close(two["gradients"][name], value, rtol=1e-9, atol=float(1e-12 * largest))
    for name, value in one["state"].items():
        torch.testing.assert_close(two["state"][name], value, rtol=1e-12, atol=1e-13)


def test_two_processes_follow_the_loss_curve_of_one(start):
    check_two_processes(start)


@pytest.mark.parametrize("decoder", ["deeplabv3plus", "pspnet"])  # which leaves parameters without use
def test_two_processes_follow_the_loss_curve_of_one_with_a_network_of_smp(tmp_path, decoder):
    pytest.importorskip("segmentation_models_pytorch")
    write_split(tmp_path, 11)
    main(network_arguments(tmp_path, **SMP | {"decoder": decoder}))
    check_two_processes(tmp_path)


def check_two_processes(start):
    main(epoch_arguments(start, 1, out="by-1", training=GENTLE))
    with boxsup(epoch_arguments(start, 1, out="by-2", training=GENTLE | {"gpus": 2})) as run:
        _, errors = run.communicate()
    assert run.returncode == 0, errors
    assert errors.splitlines()[-1].startswith("epoch 1: batch 2 of 2, ")
    assert len(errors.splitlines()) == 2  # one of them speaks, and torch says nothing
    one, two = (pd.read_csv(start / f"by-{gpus}/001/train.csv") for gpus in (1, 2))
    # Floats are summed in another order, and a fresh network on small pictures magnifies that.
    np.testing.assert_allclose(two["loss"], one["loss"], rtol=1e-3)
    assert two.drop(columns="loss").equals(one.drop(columns="loss"))
    assert load_checkpoint(start / "by-2/001/model.pt").epoch == 1


@pytest.mark.parametrize(("batch", "count"), [(20, 3), (5, 2), (4, 4), (7, 5)])
def test_parts_are_as_even_as_can_be_and_make_up_the_batch(monkeypatch, batch, count):
    monkeypatch.setattr("torch.distributed.is_initialized", lambda: True)
    monkeypatch.setattr("torch.distributed.get_world_size", lambda: count)
    parts = []
    for rank in range(count):
        monkeypatch.setattr("torch.distributed.get_rank", lambda rank=rank: rank)
        parts.append(range(batch)[rank_slice(batch)])
    assert [image for part in parts for image in part] == list(range(batch))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_what_one_process_cannot_read_is_one_line(start, tmp_path):
    table = pd.read_csv(start / "catalogue/images.csv", dtype=str)
    for name in ("boxes", "classes"):
        (tmp_path / f"catalogue/{name}.csv").parent.mkdir(exist_ok=True)
        (tmp_path / f"catalogue/{name}.csv").write_bytes((start / f"catalogue/{name}.csv").read_bytes())
    table.assign(path=[*table["path"][:-1], "gone.png"]).to_csv(tmp_path / "catalogue/images.csv", index=False)
    arguments = epoch_arguments(start, 1, out="gone", training=TRAINING | {"batch": 11, "gpus": 2})
    arguments[arguments.index("--catalogue") + 1] = str(tmp_path / "catalogue")
    with boxsup(arguments) as run:
        _, errors = run.communicate()
    assert run.returncode == 1
    assert [line for line in errors.splitlines() if "error" in line.lower()] == [
        "boxsup: error: gone.png: no such image"
    ]
    assert "Traceback" not in errors
    assert not (start / "gone").exists()


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGKILL, -9)])
def test_processes_end_with_the_one_that_started_them(start, tmp_path, number, status):
    slow = TRAINING | {"batch": 2, "crop": 400, "scale": [4.0, 4.0], "gpus": 2}
    log = tmp_path / "log"
    with log.open("w") as file:
        run = subprocess.Popen(
            [sys.executable, "-m", "boxsup", *epoch_arguments(start, 1, out="killed", training=slow)],
            stderr=file,
        )
    deadline = time.monotonic() + PATIENCE
    while "batch 1 of 5" not in log.read_text():
        assert run.poll() is None, log.read_text()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    children = psutil.Process(run.pid).children(recursive=True)
    assert len(children) >= 2
    run.send_signal(number)
    assert run.wait() == status
    assert all(map(ended, children))
    assert "Traceback" not in log.read_text()
    assert not (start / "killed").exists()
