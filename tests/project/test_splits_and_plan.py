"""Which images are evaluated on, and the settings that are chosen for a data set."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boxsup.errors import DataError
from boxsup.project.plan import Hardware, plan
from boxsup.project.splits import split

IMAGES = st.dictionaries(st.text("abcdef", min_size=1, max_size=4), st.lists(st.integers(1, 4)), min_size=2)


@given(IMAGES, st.booleans(), st.data())
def test_splits_share_no_image_and_keep_every_class_for_training(images, with_masks, data):
    masked = set(data.draw(st.lists(st.sampled_from(list(images)), unique=True)))
    splits = split(images, masked, with_masks)
    assert sorted(splits.train + splits.val) == sorted(images)
    assert splits.train
    assert splits.val
    assert set(splits.masks) == (set(splits.train) & masked if with_masks else set())
    if len(splits.val) > 1:
        trained = {label for image in splits.train for label in images[image]}
        assert trained == {label for labels in images.values() for label in labels}
    if len(masked) > with_masks:
        assert set(splits.val) <= masked  # something is measured
    if with_masks and masked and len(masked) < len(images):
        assert splits.masks  # and something is learned from masks


def test_a_fifth_of_the_masks_or_a_tenth_of_the_images_are_evaluated_on():
    images = {f"{number:04d}": [1] for number in range(2000)}
    known = list(images)[:50]
    assert len(split(images, known, True).val) == 10
    assert len(split(images, list(images), False).val) == 400
    assert len(split(images, [], False).val) == 100
    assert len(split(dict(list(images.items())[:70]), [], False).val) == 7


def test_the_draw_goes_by_ids_alone():
    images = {f"{number:04d}": [1] for number in range(100)}
    turned = dict(reversed(images.items()))
    assert set(split(images, [], False).val) == set(split(turned, [], False).val)


def test_chosen_images_are_evaluated_on_and_no_others():
    images = {image: [1] for image in "abcde"}
    splits = split(images, ["a", "b"], True, ["b", "d", "unknown"])
    assert (splits.train, splits.val, splits.masks) == (["a", "c", "e"], ["b", "d"], ["a"])
    with pytest.raises(DataError, match="all 5 images are evaluated on"):
        split(images, [], False, images)


def test_one_image_is_too_few():
    with pytest.raises(DataError, match="1 usable image: two at least are needed"):
        split({"a": [1]}, [], False)


LAPTOP, CARD = Hardware(2, 0.0), Hardware(16, 24.0)


def test_the_network_goes_by_the_hardware_and_the_size_of_images():
    assert plan(500, 500, LAPTOP).network == "mobilenet_v2"
    assert plan(500, 160, LAPTOP).network == "mobilenet_v2_8s"
    assert plan(500, 500, Hardware(8, 6.0)).network == "mobilenet_v2"
    assert plan(500, 500, CARD).network == "deeplab_v2_resnet101"
    assert "no GPU" in plan(500, 500, LAPTOP).why_network
    assert "24 GiB" in plan(500, 500, CARD).why_network


def test_epochs_go_by_the_number_of_images():
    # 400 steps of 8 images; on a large GPU 20,000 of 10, as DeepLab v2's on 10,582 images: 19 epochs.
    assert [plan(count, 500, LAPTOP).epochs for count in (3, 240, 635, 100_000)] == [45, 13, 6, 6]
    assert [plan(count, 500, CARD).epochs for count in (100, 10_582, 100_000)] == [45, 19, 6]
    assert plan(240, 500, LAPTOP, epochs=2).epochs == 2
    assert "as asked for" in plan(240, 500, LAPTOP, epochs=2).why_epochs


@given(st.integers(1, 10**6), st.floats(1, 2**14), st.integers(1, 256), st.sampled_from([0.0, 4.0, 80.0]))
def test_settings_are_ones_that_the_schema_takes(images, side, cores, memory):
    chosen = plan(images, side, Hardware(cores, memory))
    assert 1 <= chosen.epochs <= 999
    assert 1 <= chosen.batch <= images
    assert chosen.crop >= 16
    assert 0 < chosen.scale[0] < chosen.scale[1]
    assert chosen.test_scale > 0
    assert 1 <= chosen.threads <= 4
    assert chosen.shards >= 1
