"""Which images are evaluated on, and the settings that are chosen for a data set."""

from collections import Counter

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from boxsup.config.build import build
from boxsup.config.training import NetworkSettings
from boxsup.errors import DataError
from boxsup.project.plan import Hardware, make_plan
from boxsup.project.splits import split_images

IMAGES = st.dictionaries(st.text("abcdef", min_size=1, max_size=4), st.lists(st.integers(1, 4)), min_size=2)


def labels_of(images):
    return {label for labels in images for label in labels}


@given(IMAGES, st.booleans(), st.data())
def test_splits_share_no_image_and_keep_every_class_for_training(images, with_masks, data):
    images = {"object": [1], **images}
    chosen = data.draw(st.lists(st.sampled_from(list(images)), unique=True))
    masked = {image: images[image] for image in chosen}
    splits = split_images(images, masked, with_masks)
    assert sorted(splits.train + splits.val) == sorted(images)
    assert splits.val
    assert labels_of(images[image] for image in splits.train)
    assert set(splits.masks) == (set(splits.train) & set(masked) if with_masks else set())
    lost = labels_of(images.values()) - labels_of(images[image] for image in splits.train)
    if lost:  # every image has a class's last object, and one must go
        assert len(splits.val) == 1
        counts = Counter(label for labels in images.values() for label in set(labels))
        shown = [image for image, labels in masked.items() if labels]
        free = [image for image in images if image not in shown or not with_masks]
        assert all(any(counts[label] == 1 for label in images[image]) for image in free)
    if with_masks and any(masked.values()) and len(masked) < len(images):
        assert any(masked[image] for image in splits.masks)  # and something is learned from masks


def test_the_only_mask_stays_for_training_even_if_another_class_loses_its_last_image():
    splits = split_images({"object": [1], "a": [2]}, {"object": [1]}, True)
    assert (splits.train, splits.val, splits.masks) == (["object"], ["a"], ["object"])


def test_a_fifth_of_the_masks_or_a_tenth_of_the_images_are_evaluated_on():
    images = {f"{number:04d}": [1] for number in range(2000)}
    known = dict(list(images.items())[:50])
    assert len(split_images(images, known, True).val) == 10
    assert len(split_images(images, images, False).val) == 400
    assert len(split_images(images, {}, False).val) == 100
    assert len(split_images(dict(list(images.items())[:70]), {}, False).val) == 7


def test_empty_images_with_a_mask_are_no_reason_to_evaluate_on_them():
    images = {f"{number:03d}": [1] if number < 80 else [] for number in range(100)}
    empty = {image: [] for image, labels in images.items() if not labels}
    splits = split_images(images, empty, False)
    assert len(splits.val) == 10  # a tenth of all, to be looked at
    assert not set(splits.val) <= set(empty)


def test_of_empty_images_a_fifth_is_evaluated_on_beside_those_that_show_something():
    images = {f"{number:03d}": [1] if number < 60 else [] for number in range(100)}
    masked = {image: labels for image, labels in images.items() if image < "010" or image >= "060"}
    splits = split_images(images, masked, False)
    assert sum(bool(masked[image]) for image in splits.val) == 2
    assert sum(not masked[image] for image in splits.val) == 8


def test_as_many_classes_as_can_be_are_evaluated_on():
    # Five classes, of which four are rare: two of a hundred masks show each, one of these may go.
    images = {f"{number:03d}": [1] for number in range(100)}
    for place, label in enumerate((2, 3, 4, 5)):
        images |= {f"{number:03d}": [1, label] for number in (20 * place, 20 * place + 1)}
    splits = split_images(images, images, False)
    assert len(splits.val) == 20
    assert labels_of(images[image] for image in splits.val) == {1, 2, 3, 4, 5}
    assert labels_of(images[image] for image in splits.train) == {1, 2, 3, 4, 5}


def test_where_each_mask_has_a_classs_last_object_nothing_is_measured():
    images = {"a": [1], "b": [2], "c": [2], "d": []}
    assert split_images(images, {"a": [1]}, False).val != ["a"]
    assert "a" in split_images({"a": [1], "d": []}, {"a": [1]}, False).train


def test_the_draw_goes_by_ids_alone():
    images = {f"{number:04d}": [1] for number in range(100)}
    turned = dict(reversed(images.items()))
    assert set(split_images(images, {}, False).val) == set(split_images(turned, {}, False).val)


def test_chosen_images_are_evaluated_on_and_no_others():
    images = {image: [1] for image in "abcde"}
    splits = split_images(images, {"a": [1], "b": [1]}, True, ["b", "d", "unknown"])
    assert (splits.train, splits.val, splits.masks) == (["a", "c", "e"], ["b", "d"], ["a"])
    with pytest.raises(DataError, match="all 5 images are evaluated on"):
        split_images(images, {}, False, images)
    with pytest.raises(DataError, match="no image with an object is left to train on, beside the 5 to evaluate on"):
        split_images({**images, "empty": []}, {}, False, images)


def test_one_image_is_too_few():
    with pytest.raises(DataError, match="1 usable image: two at least are needed"):
        split_images({"a": [1]}, {}, False)


LAPTOP, CARD = Hardware(2, 0.0), Hardware(16, 24.0)


def test_the_network_goes_by_the_hardware_and_the_size_of_images():
    assert make_plan(500, 3 * 500, 500, LAPTOP).network == "mobilenet_v2"
    assert make_plan(500, 3 * 500, 160, LAPTOP).network == "mobilenet_v2_8s"
    assert make_plan(500, 3 * 500, 500, Hardware(8, 6.0)).network == "mobilenet_v2"
    assert make_plan(500, 3 * 500, 500, Hardware(16, 12.0)).network == "deeplab_v2_resnet101"
    assert "no GPU" in make_plan(500, 3 * 500, 500, LAPTOP).why_network
    assert "24 GiB" in make_plan(500, 3 * 500, 500, CARD).why_network


def test_epochs_go_by_the_number_of_images():
    # 400 steps of 8 images; on a large GPU 20,000 of 10, as DeepLab v2's on 10,582 images: 19 epochs.
    assert [make_plan(count, 3 * count, 500, LAPTOP).epochs for count in (3, 240, 635, 100_000)] == [45, 13, 6, 6]
    assert [make_plan(count, 3 * count, 500, Hardware(16, 12.0)).epochs for count in (100, 10_582, 100_000)] == [
        45,
        19,
        6,
    ]
    assert make_plan(240, 3 * 240, 500, LAPTOP, epochs=2).epochs == 2
    assert "as asked for" in make_plan(240, 3 * 240, 500, LAPTOP, epochs=2).why_epochs


def test_few_boxes_are_split_into_more_parts_for_object_networks():
    assert [make_plan(240, boxes, 500, LAPTOP).parts for boxes in (801, 999, 1_000, 7_673)] == [4, 4, 0, 0]
    assert make_plan(3, 12, 500, LAPTOP).parts == 0  # a part without an image would judge nothing


@given(st.integers(1, 10**6), st.floats(1, 2**14), st.integers(1, 256), st.sampled_from([0.0, 4.0, 80.0]))
def test_settings_are_ones_that_the_schema_takes(images, side, cores, memory):
    chosen = make_plan(images, 3 * images, side, Hardware(cores, memory))
    assert 1 <= chosen.epochs <= 999
    assert 1 <= chosen.batch <= images
    assert chosen.crop >= 16
    assert 0 < chosen.scale[0] < chosen.scale[1]
    assert chosen.test_scale > 0
    assert 1 <= chosen.threads <= 4
    assert chosen.shards >= 1


def test_a_single_image_gets_a_network_that_can_learn_from_it(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object())
    card = Hardware(8, 80.0)
    assert make_plan(2, 3 * 2, 500, card).network == "smp"
    plan = make_plan(1, 3 * 1, 500, card)
    assert (plan.batch, plan.network, plan.network_parts) == (1, "deeplab_v2_resnet101", "")
    assert "one image alone" in plan.why_network


@pytest.mark.parametrize(("installed", "network"), [(True, "smp"), (False, "deeplab_v2_resnet101")])
def test_a_large_gpu_has_a_network_of_today_if_its_package_is_there(monkeypatch, installed, network):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object() if installed else None)
    plan = make_plan(500, 3 * 500, 500, CARD)
    assert plan.network == network
    settings = yaml.safe_load(f"{{name: {plan.network}{plan.network_parts}, weights: none, sha256: ''}}")
    build(NetworkSettings, settings, "network")
