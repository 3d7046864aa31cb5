"""What object networks see of boxes together: the maps of the store, the mean over networks, other views."""

import numpy as np
import pytest

from boxsup.errors import StoreError
from boxsup.objects.crops import crops_of
from boxsup.objects.maps import to_bytes
from boxsup.objects.network import load_network
from boxsup.objects.training import object_maps
from boxsup.objects.views import ObjectViewer
from helpers.networks import write_object_network

IMAGE = np.random.default_rng(0).integers(0, 255, (60, 90, 3), np.uint8)
BOXES = np.array([[3, 5, 50, 40], [20, 0, 90, 60], [0, 30, 20, 59]])


def test_maps_are_those_that_the_stage_stores(tmp_path):
    path = write_object_network(tmp_path / "a.pt")
    network, _ = load_network(path)
    stored = to_bytes(object_maps(network, crops_of(IMAGE, BOXES, 40), 40))
    views = ObjectViewer([path], 1).views(IMAGE, BOXES)
    np.testing.assert_array_equal(views.maps, stored)
    assert all(other.shape == stored.shape for other in views.others)
    assert all((other != stored).any() for other in views.others)
    np.testing.assert_array_equal(views.of(np.array([2, 0])).others[1], views.others[1][[2, 0]])


def test_the_maps_of_several_networks_are_averaged(tmp_path):
    paths = [write_object_network(tmp_path / f"{seed}.pt", seed=seed) for seed in range(3)]
    alone = [ObjectViewer([path], 1).views(IMAGE, BOXES).maps.astype(float) for path in paths]
    viewer = ObjectViewer(paths, 1)
    assert np.abs(viewer.views(IMAGE, BOXES).maps - np.mean(alone, axis=0)).max() <= 1
    assert len(set(viewer.hashes)) == 3


def test_networks_of_several_sizes_give_maps_of_the_greatest(tmp_path):
    paths = [write_object_network(tmp_path / f"{size}.pt", size) for size in (20, 40)]
    assert ObjectViewer(paths, 1).views(IMAGE, BOXES).maps.shape == (3, 40, 40)
    assert ObjectViewer(paths, 1).views(IMAGE, BOXES[:0]).maps.shape == (0, 40, 40)


def test_a_file_that_is_no_object_network_is_refused(tmp_path):
    (tmp_path / "a.pt").write_bytes(b"weights")
    with pytest.raises(StoreError, match="a.pt"):
        ObjectViewer([tmp_path / "a.pt"], 1)
