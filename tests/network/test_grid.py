"""Where logits lie on an image, against receptive-field arithmetic and torch's own interpolation."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from boxsup.network import build_network
from boxsup.network.grid import Grid, enlarge, enlarge_pixel_by_pixel
from helpers.networks import OWN_NETWORKS


def first_of(value):
    return value[0] if isinstance(value, tuple) else value


def centres(network, stride):
    """The stride and the pixel of the first output, layer by layer until a stride (Dumoulin & Visin, 2016)."""
    jump, start = 1, 0.0
    for name, layer in network.named_modules():
        if "downsample" in name or not isinstance(layer, nn.Conv2d | nn.MaxPool2d):
            continue
        kernel, padding, step = map(first_of, (layer.kernel_size, layer.padding, layer.stride))
        if jump * step > stride:
            break
        start += ((kernel - 1) * first_of(layer.dilation) / 2 - padding) * jump
        jump *= step
    return jump, start


@pytest.mark.parametrize(
    ("name", "stride", "origin"),
    [
        ("fcn32s", 32, 15.5),  # five poolings of two pixels: 1/2 + 1 + 2 + 4 + 8
        ("fcn16s", 16, 7.5),
        ("fcn8s", 8, 3.5),
        ("deeplab_4x4", 8, 0),
        ("deeplab_largefov", 8, 0),
        ("deeplab_v2_resnet101", 8, 0),
        ("mobilenet_v2", 16, 0),
        ("mobilenet_v2_8s", 8, 0),
    ],
)
def test_logits_lie_where_their_receptive_fields_have_their_middle(name, stride, origin):
    with torch.device("meta"):
        network = build_network(name, 3)
    assert network.grid == (stride, origin)
    assert centres(network, stride) == (stride, origin)


def test_each_of_our_networks_is_checked():
    parametrized = test_logits_lie_where_their_receptive_fields_have_their_middle.pytestmark[0].args[1]
    assert [row[0] for row in parametrized] == OWN_NETWORKS


@pytest.mark.parametrize("size", [(17, 33), (33, 17), (1, 49)])
def test_sides_of_whole_strides_and_a_pixel_are_torchs_aligned_corners(size):
    logits = torch.randn(2, 3, *((side - 1) // 16 + 1 for side in size))
    expected = functional.interpolate(logits, size, mode="bilinear", align_corners=True)
    torch.testing.assert_close(enlarge(logits, size, Grid(16)), expected)


def test_poolings_of_two_pixels_are_torchs_interpolation_by_area():
    logits = torch.randn(1, 2, 3, 4)
    expected = functional.interpolate(logits, (24, 32), mode="bilinear", align_corners=False)
    torch.testing.assert_close(enlarge(logits, (24, 32), Grid(8, 3.5)), expected)


def test_other_sides_keep_logits_where_they_are():
    logits = torch.randn(1, 2, 3, 3)
    whole = enlarge(logits, (33, 33), Grid(16))
    torch.testing.assert_close(enlarge(logits, (34, 47), Grid(16))[:, :, :33, :33], whole)
    assert (enlarge(logits, (34, 47), Grid(16))[:, :, 33] == enlarge(logits, (34, 47), Grid(16))[:, :, 32]).all()


def test_an_image_seen_at_twice_its_size():
    # Pixel 0 of the image covers pixels 0 and 1 of what is seen, so its middle lies at 0.5; with stride 4, 1/8 on.
    logits = torch.tensor([[[[0.0, 8.0]]]])
    expected = torch.tensor([[[[1.0, 5.0, 8.0]]]])
    torch.testing.assert_close(enlarge(logits, (1, 3), Grid(4), seen=(2, 6)), expected)


def test_logits_of_every_pixel_are_the_scores():
    logits = torch.randn(1, 2, 5, 4)
    assert enlarge(logits, (5, 4), Grid(1)) is logits
    torch.testing.assert_close(enlarge(logits, (5, 4), Grid(1), seen=(5, 4)), logits)


@given(
    logits=st.integers(1, 9),
    pixels=st.integers(1, 99),
    seen=st.integers(1, 99),
    stride=st.sampled_from([1, 2, 8, 16]),
    half=st.booleans(),
)
def test_the_shares_of_a_pixel_sum_to_one(logits, pixels, seen, stride, half):
    weights = Grid(stride, (stride - 1) / 2 if half else 0.0).weights(logits, pixels, seen)
    assert weights.shape == (pixels, logits)
    assert (weights >= 0).all()
    assert ((weights > 0).sum(dim=1) <= 2).all()
    np.testing.assert_allclose(weights.sum(dim=1), 1, atol=1e-5)


@pytest.mark.parametrize("grid", [Grid(1), Grid(8), Grid(8, 3.5)])
def test_scores_pixel_by_pixel_are_the_same(grid):
    size = (5, 4) if grid == Grid(1) else (33, 26)
    logits = torch.randn(2, 3, 5, 4).contiguous(memory_format=torch.channels_last)
    scores = enlarge_pixel_by_pixel(logits, size, grid)
    assert scores.is_contiguous()
    torch.testing.assert_close(scores.permute(0, 3, 1, 2), enlarge(logits, size, grid))
