"""Every decoder that the package offers, on a small encoder with random weights."""

from typing import get_args

import numpy as np
import pytest
import torch

import boxsup
from boxsup.config.training import POOLING, STRIDES, NetworkSettings
from boxsup.errors import ConfigError
from boxsup.network import build_network
from boxsup.network.checkpoint import Checkpoint, save_checkpoint
from boxsup.network.trial import norms_of_one_value, unused_parameters
from helpers.networks import OWN_NETWORKS, small_smp
from helpers.small_split import CLASSES, draw

pytest.importorskip("segmentation_models_pytorch")

DECODERS = get_args(NetworkSettings.model_fields["decoder"].annotation)
SIZES = [(40, 30), (1, 130), (64, 96), (321, 321)]


@pytest.fixture(scope="module")
def pan():
    torch.manual_seed(0)
    return build_network(small_smp("pan"), 3).eval()


@pytest.mark.parametrize(
    ("decoder", "stride"), [(decoder, stride) for decoder in DECODERS for stride in STRIDES.get(decoder, (16,))]
)
def test_each_decoder_with_each_stride_scores_images_of_any_size(decoder, stride):
    network = build_network(small_smp(decoder, stride), 3)
    network.try_it()
    assert network.training
    with torch.inference_mode():
        for height, width in SIZES:
            assert network.eval()(torch.zeros(1, 3, height, width)).shape == (1, 3, height, width)


def test_a_small_image_keeps_its_scale_and_its_edge_is_repeated_up_to_what_pan_takes(pan):
    image = torch.randn(1, 3, 40, 30)
    with torch.inference_mode():
        with_edge = torch.nn.functional.pad(image, (0, 98, 0, 88), mode="replicate")
        torch.testing.assert_close(pan(image), pan.body(with_edge)[:, :, :40, :30])
        large = torch.randn(1, 3, 144, 160)  # takes its own multiple of the stride
        assert torch.equal(pan(large), pan.body(large))


@pytest.mark.slow
def test_pan_labels_a_small_image_and_is_exported_for_images_of_a_size(pan, tmp_path):
    from boxsup.inference.export import FullSize, export_program

    save_checkpoint(tmp_path / "pan.pt", Checkpoint(small_smp("pan"), CLASSES, pan, 0, {}))
    photo = draw(0)[0][:40, :30]
    labels = boxsup.load(tmp_path / "pan.pt").predict(photo).labels
    assert labels.shape == (40, 30)
    assert labels.max() < len(CLASSES)
    whole = FullSize(pan)
    for size in [(64, 70), (150, 200)]:
        program, image = export_program(whole, size).module(), torch.randn(1, 3, *size)
        with torch.inference_mode():
            np.testing.assert_allclose(program(image).numpy(), whole(image).numpy(), atol=1e-4)
    with pytest.raises(ConfigError, match="give one with --size H W"):
        export_program(whole, None)


@pytest.mark.parametrize("decoder", DECODERS)
def test_which_decoders_cannot_learn_from_one_image_is_known(decoder):
    torch.manual_seed(0)
    network = build_network(small_smp(decoder), 3).train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    state = torch.get_rng_state()
    norms = norms_of_one_value(network, 96, 96)
    assert torch.equal(torch.get_rng_state(), state)
    assert network.training
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert bool(norms) == (decoder in POOLING)
    if norms:
        with pytest.raises(ValueError, match="more than 1 value per channel"):
            network(torch.randn(1, 3, 96, 96))
    else:
        network(torch.randn(1, 3, 96, 96)).sum().backward()
    network(torch.randn(2, 3, 96, 96)).sum().backward()


@pytest.mark.parametrize(("name", "crop", "learns"), [("mobilenet_v2", 16, False), ("mobilenet_v2", 17, True)])
def test_our_own_networks_cannot_learn_from_a_single_pixel_of_features(name, crop, learns):
    network = build_network(name, 3).train()
    assert (not norms_of_one_value(network, crop, crop)) == learns
    if not learns:
        with pytest.raises(ValueError, match="more than 1 value per channel"):
            network(torch.randn(1, 3, crop, crop))
    else:
        network(torch.randn(1, 3, crop, crop))


@pytest.mark.parametrize("decoder", ["unet", "pspnet"])
def test_parameters_without_use_are_those_without_a_gradient(decoder):
    torch.manual_seed(0)
    network = build_network(small_smp(decoder), 3).train()
    unused = network.unused_parameters()
    assert all(value.grad is None for value in network.parameters())
    network(torch.randn(2, 3, 64, 64)).sum().backward()
    assert unused == [name for name, value in network.named_parameters() if value.grad is None]
    assert bool(unused) == (decoder == "pspnet")


@pytest.mark.parametrize("name", OWN_NETWORKS)
def test_our_own_networks_use_all_that_they_have(name):
    with torch.device("meta"):
        network = build_network(name, 3)
    assert network.unused_parameters() == unused_parameters(network, 64, 64) == []
