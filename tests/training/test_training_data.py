from dataclasses import replace

import numpy as np
import pytest
import torch

from boxsup.catalogue.tables import Catalogue, read_catalogue
from boxsup.config.training import TrainingSettings
from boxsup.errors import DataError
from boxsup.random import generator
from boxsup.store.labels import Labels, labels_writer
from boxsup.training.data import RUN, EpochData, batch_order, batches, read_batches, shuffled
from helpers.small_split import write_split

SETTINGS = TrainingSettings(
    rate=0.01,
    head_rate=10.0,
    momentum=0.9,
    weight_decay=5e-4,
    batch=3,
    crop=33,
    scale=(0.8, 1.2),
    mirror=True,
    mixed_precision=False,
    threads=1,
)


@pytest.fixture(scope="module")
def split(tmp_path_factory):
    """Seven pictures; image i is labelled i all over, so that a crop says which it is."""
    folder, _ = write_split(tmp_path_factory.mktemp("split"), 7)
    catalogue = replace(read_catalogue(folder), classes=tuple("abcdefgh"))
    labels = folder.parent / "numbers.zarr"
    with labels_writer(labels, catalogue.ids, catalogue.sizes, {}) as writer:
        for number, row in enumerate(catalogue.rows()):
            writer.append(row.image, labels=np.full((row.height, row.width), number, np.uint8))
    return catalogue, labels


def part(catalogue, count):
    return Catalogue(catalogue.images.iloc[:count], catalogue.boxes, catalogue.classes)


def numbers(loader):
    """Which images each batch holds."""
    return [[int(labels[labels != 255].unique().item()) for labels in batch] for _, batch in loader]


def test_batches_are_whole_and_hold_each_image_once(split):
    got = numbers(batches(EpochData(*split, SETTINGS, 0, 1), SETTINGS, 0, 1, 0))
    assert [len(batch) for batch in got] == [3, 3]
    assert len({number for batch in got for number in batch}) == 6


def test_the_order_says_which_images_a_batch_holds(split):
    data = EpochData(*split, SETTINGS, 0, 2)
    assert batch_order(data, SETTINGS, 0, 2).tolist() == numbers(batches(data, SETTINGS, 0, 2, 0))


def test_fewer_images_than_a_batch_are_one_batch(split):
    catalogue, labels = split
    loader = batches(EpochData(part(catalogue, 2), labels, SETTINGS, 0, 1), SETTINGS, 0, 1, 0)
    assert [sorted(batch) for batch in numbers(loader)] == [[0, 1]]
    assert len(loader) == 1
    with pytest.raises(DataError, match="no image"):
        batches(EpochData(part(catalogue, 0), labels, SETTINGS, 0, 1), SETTINGS, 0, 1, 0)


def test_the_order_and_the_crops_depend_on_seed_and_epoch_alone(split):
    def content(seed, epoch):
        return list(batches(EpochData(*split, SETTINGS, seed, epoch), SETTINGS, seed, epoch, 0))

    first, again = content(0, 1), content(0, 1)
    assert all(torch.equal(a, b) for one, two in zip(first, again, strict=True) for a, b in zip(one, two, strict=True))
    orders = {str(numbers(content(*key))) for key in [(0, 1), (0, 2), (1, 1)]}
    assert len(orders) == 3
    single = [EpochData(*split, SETTINGS, 0, epoch)[3][0] for epoch in (1, 2)]
    assert not torch.equal(*single)


@pytest.mark.slow
def test_workers_change_nothing(split):
    alone, shared = (list(batches(EpochData(*split, SETTINGS, 0, 1), SETTINGS, 0, 1, workers)) for workers in (0, 2))
    assert len(alone) == len(shared) == 2
    for (images, labels), (other_images, other_labels) in zip(alone, shared, strict=True):
        assert torch.equal(images, other_images)
        assert torch.equal(labels, other_labels)


def test_an_item_is_what_the_network_takes(split):
    image, labels = EpochData(*split, SETTINGS, 0, 1)[0]
    assert (image.shape, image.dtype) == ((3, 33, 33), torch.float32)
    assert (labels.shape, labels.dtype) == ((33, 33), torch.uint8)


def test_a_picture_that_went_missing_is_one_line_also_from_a_worker(split):
    catalogue, labels = split
    images = catalogue.images.assign(path="gone.png")
    data = EpochData(Catalogue(images, catalogue.boxes, catalogue.classes), labels, SETTINGS, 0, 1)
    for workers in (0, 1):
        with pytest.raises(DataError) as info:
            list(read_batches(batches(data, SETTINGS, 0, 1, workers)))
        assert str(info.value) == "gone.png: no such image"


@pytest.mark.slow
def test_labels_of_other_images_are_refused(split, tmp_path):
    catalogue, labels = split
    with labels_writer(tmp_path / "few.zarr", catalogue.ids[:1], catalogue.sizes[:1], {}) as writer:
        writer.append(catalogue.ids[0], labels=Labels(labels)[catalogue.ids[0]])
    with pytest.raises(DataError, match="6 of the images are missing"):
        EpochData(catalogue, tmp_path / "few.zarr", SETTINGS, 0, 1)
    with labels_writer(tmp_path / "sizes.zarr", catalogue.ids, catalogue.sizes[:, ::-1], {}) as writer:
        for image, (height, width) in zip(catalogue.ids, catalogue.sizes, strict=True):
            writer.append(image, labels=np.zeros((width, height), np.uint8))
    with pytest.raises(DataError, match="size is not that of its labels"):
        EpochData(catalogue, tmp_path / "sizes.zarr", SETTINGS, 0, 1)[0]


def test_a_shuffle_of_some_images_at_a_time_keeps_runs_together():
    count, within = 10 * RUN + 7, 3 * RUN
    order = shuffled(count, within, np.random.default_rng(0))
    assert sorted(order.tolist()) == list(range(count))
    places = np.empty(count, np.int64)
    places[order] = np.arange(count)
    for run in range(0, count, RUN):
        own = places[run : run + RUN]
        assert np.ptp(own) < within
        assert (np.diff(own) < 0).any()  # and in no order
    assert (np.diff(order) != 1).mean() > 0.99


def test_in_a_shuffle_of_some_images_at_a_time_any_run_may_come_first():
    firsts = [shuffled(4 * RUN, RUN, np.random.default_rng(seed))[0] // RUN for seed in range(200)]
    assert (np.bincount(firsts) > 25).all()  # 50 are expected; fewer than 26 have a chance of one in 50,000


def test_all_images_are_shuffled_by_default(split):
    order = batch_order(EpochData(*split, SETTINGS, 0, 1), SETTINGS, 0, 1)
    assert (order.ravel() == generator(0, "order", 1).permutation(7)[:6]).all()
    assert SETTINGS.shuffle_within == 0
