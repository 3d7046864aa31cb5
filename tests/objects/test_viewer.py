"""What object networks see of boxes together: the maps of the store, the mean over networks."""

import shutil

import numpy as np
import pytest

from boxsup.errors import StoreError
from boxsup.objects.crops import crops_of, resized
from boxsup.objects.maps import to_bytes
from boxsup.objects.network import SHIPPED, SHIPPED_SHA256, load_network, save_network
from boxsup.objects.training import object_maps
from boxsup.objects.viewer import ObjectViewer
from helpers.networks import write_object_network

IMAGE = np.random.default_rng(0).integers(0, 255, (60, 90, 3), np.uint8)
BOXES = np.array([[3, 5, 50, 40], [20, 0, 90, 60], [0, 30, 20, 59]])


def test_maps_are_those_that_the_stage_stores(tmp_path):
    path = write_object_network(tmp_path / "a.pt")
    network, _ = load_network(path)
    stored = to_bytes(object_maps(network, crops_of(IMAGE, BOXES, 40), 40))
    seen = ObjectViewer([path], 1).maps(IMAGE, BOXES)
    assert np.abs(seen.astype(int) - stored).max() <= 1  # torch may have had other threads: last bits
    assert np.ptp(seen) > 1


def test_the_maps_of_several_networks_are_averaged(tmp_path):
    paths = [write_object_network(tmp_path / f"{seed}.pt", seed=seed) for seed in range(3)]
    alone = [ObjectViewer([path], 1).maps(IMAGE, BOXES).astype(float) for path in paths]
    viewer = ObjectViewer(paths, 1)
    assert np.abs(viewer.maps(IMAGE, BOXES) - np.mean(alone, axis=0)).max() <= 1
    assert list(viewer.weights.values()) == [1, 1, 1]


def test_the_shipped_network_counts_as_much_as_the_others_together(tmp_path):
    paths = [write_object_network(tmp_path / f"{seed}.pt", seed=seed) for seed in range(2)]
    own, shipped = ObjectViewer(paths, 1).maps(IMAGE, BOXES), ObjectViewer([], 1).maps(IMAGE, BOXES)
    own = np.stack([resized(each.astype(np.float32), 80, 80) for each in own])
    viewer = ObjectViewer(paths, 1, shipped=True)
    assert np.abs(viewer.maps(IMAGE, BOXES) - (own + shipped) / 2).max() <= 1
    assert list(viewer.weights.values()) == [1, 1, 2]
    assert viewer.weights[SHIPPED_SHA256] == 2
    assert ObjectViewer([], 1, shipped=True).weights == {SHIPPED_SHA256: 1}
    shutil.copy(paths[0], tmp_path / "copy.pt")
    twice = ObjectViewer([paths[0], tmp_path / "copy.pt", SHIPPED], 1, shipped=True)
    assert list(twice.weights.values()) == [1, 1]  # each once


def test_networks_of_several_sizes_give_maps_of_the_greatest(tmp_path):
    paths = [write_object_network(tmp_path / f"{size}.pt", size) for size in (20, 40)]
    assert ObjectViewer(paths, 1).maps(IMAGE, BOXES).shape == (3, 40, 40)
    assert ObjectViewer(paths, 1).maps(IMAGE, BOXES[:0]).shape == (0, 40, 40)


def test_a_file_that_is_no_object_network_is_refused(tmp_path):
    (tmp_path / "a.pt").write_bytes(b"weights")
    with pytest.raises(StoreError, match=r"a\.pt"):
        ObjectViewer([tmp_path / "a.pt"], 1)


def test_a_network_that_had_nothing_to_learn_from_is_left_out(tmp_path):
    learned, empty = write_object_network(tmp_path / "a.pt"), write_object_network(tmp_path / "b.pt", boxes=0)
    viewer = ObjectViewer([empty, learned], 1)
    np.testing.assert_array_equal(viewer.maps(IMAGE, BOXES), ObjectViewer([learned], 1).maps(IMAGE, BOXES))
    assert viewer.weights == ObjectViewer([learned], 1).weights
    assert ObjectViewer([empty], 1).weights == {SHIPPED_SHA256: 1}


def test_a_network_that_does_not_say_how_it_was_made_is_refused(tmp_path):
    network, _ = load_network(write_object_network(tmp_path / "a.pt"))
    save_network(tmp_path / "b.pt", network, {})
    with pytest.raises(StoreError, match="does not say how"):
        ObjectViewer([tmp_path / "b.pt"], 1)
