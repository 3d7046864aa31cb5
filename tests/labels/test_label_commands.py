import json
import re
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

import boxsup
from boxsup.catalogue.check import write_problems
from boxsup.catalogue.reviewed import BoxKey, Decision
from boxsup.catalogue.tables import corners_of, read_catalogue, write_catalogue
from boxsup.cli import main
from boxsup.config.build import build
from boxsup.config.objects import ObjectNetSettings
from boxsup.config.params import generation_settings, lesson_settings, object_settings
from boxsup.config.update import ExpectationSettings
from boxsup.image.files import read_mask
from boxsup.image.runs import runs_of
from boxsup.labels.choice import Chosen
from boxsup.labels.lessons import Teacher, collect_lessons
from boxsup.labels.overlaps import Overlaps
from boxsup.labels.pins import PINNED, read_pins
from boxsup.machine.instructions import instructions
from boxsup.network import build_network
from boxsup.network.checkpoint import Checkpoint, save_checkpoint
from boxsup.objects.codes import OBJECT
from boxsup.objects.crops import resized
from boxsup.objects.maps import ObjectMaps
from boxsup.objects.network import load_network
from boxsup.objects.viewer import ObjectViewer
from boxsup.proposals.pool_store import Pools
from boxsup.store.journal import append_entry
from boxsup.store.labels import Labels
from helpers.processes import be_killed

pytestmark = pytest.mark.slow  # candidates are made and networks run

CLASSES = ["ring", "crescent", "star", "branch", "spiral", "comb"]


@pytest.fixture(scope="module")
def split(tmp_path_factory, config):
    """Six generated pictures through the real stages: catalogues, pools and overlaps in two shards, fixed masks."""
    folder = tmp_path_factory.mktemp("split")
    shapes = json.dumps({"seed": 0, "side": 80, "train": 6, "val": 1, "masks": 2})
    main(["shapes", "--settings", shapes, "--classes", json.dumps(CLASSES), "--out", f"{folder}/tree"])
    for name in ("train", "masks"):
        arguments = ["--format", "voc", "--root", f"{folder}/tree"]
        arguments += ["--split", json.dumps({"list": name, "masks": "SegmentationClass"})]
        arguments += ["--classes", json.dumps(CLASSES), "--on-problem", "stop", "--out", f"{folder}/{name}"]
        main(["catalogue", *arguments])
    for shard in range(2):
        pools = f"{folder}/pools/{shard}-of-2.zarr"
        settings = json.dumps(config["proposals"]["selective_search"])
        arguments = ["--catalogue", f"{folder}/train", "--shard", f"{shard}/2", "--settings", settings]
        main(["proposals", "make", *arguments, "--out", pools])
        arguments = ["--catalogue", f"{folder}/train", "--proposals", pools]
        main(["overlaps", *arguments, "--out", f"{folder}/overlaps/{shard}-of-2.zarr"])
    for kind in ("truth", "rectangles", "grabcut", "bbox_seg"):
        arguments = ["--catalogue", f"{folder}/train", "--kind", kind, "--out", f"{folder}/{kind}.zarr"]
        main(["fixed-masks", *arguments])
    return folder


@pytest.fixture
def labels(split, config, tmp_path):
    """Run `boxsup labels` with some more arguments: the generation."""
    update = generation_settings(config["defaults"]["update"]) | {"lambda": 5.0}  # so that random networks count

    def run(*more, out="2.zarr"):
        own = ["--catalogue", f"{split}/train", "--generation", "2", "--seed", "0", "--settings", json.dumps(update)]
        main(["labels", *own, *map(str, more), "--out", f"{tmp_path}/{out}"])
        return boxsup.open_labels(f"{tmp_path}/{out}")

    return run


def pools(split):
    shards = [[f"{split}/{kind}/{i}-of-2.zarr" for i in range(2)] for kind in ("pools", "overlaps")]
    return ["--proposals", *shards[0], "--overlaps", *shards[1]]


def opinionated_network():
    """A random network whose normalisations have seen some pictures: its scores differ from place to place."""
    torch.manual_seed(0)
    network = build_network("mobilenet_v2", 7).train()
    with torch.no_grad():
        for _ in range(20):
            network(torch.randn(2, 3, 64, 64))
        network.head[-1].weight *= 100
    return network


def test_the_network_moves_the_choices_and_their_costs_are_on_record(split, labels, tmp_path):
    by_overlap = labels(*pools(split))
    chosen = by_overlap.table("chosen").copy()
    assert np.nanmax(by_overlap.table("regression_cost")) == 0
    classes = read_catalogue(split / "train").classes
    save_checkpoint(tmp_path / "model.pt", Checkpoint("mobilenet_v2", classes, opinionated_network(), 1, {}))
    asked = labels(*pools(split), "--model", tmp_path / "model.pt")
    assert np.nanmax(np.abs(asked.table("regression_cost"))) > 0
    assert (asked.table("chosen") != chosen).any()
    assert (by_overlap.attributes["scales"], asked.attributes["scales"]) == (None, [1.0])
    smaller = labels(*pools(split), "--model", tmp_path / "model.pt", "--scales", "0.5", out="3.zarr")
    assert smaller.attributes["scales"] == [0.5]
    assert not np.array_equal(smaller.table("regression_cost"), asked.table("regression_cost"), equal_nan=True)
    best, expected = asked.table("best"), asked.table("expected_iou")
    for row in np.flatnonzero(asked.table("chosen") >= 0):
        assert asked.table("chosen")[row] in best[row]
        assert (np.diff(expected[row][best[row] >= 0]) <= 0).all()


def test_images_whose_boxes_choose_nothing_do_not_shift_the_scores_of_others(split, labels, tmp_path):
    train = read_catalogue(split / "train")
    save_checkpoint(tmp_path / "m.pt", Checkpoint("mobilenet_v2", train.classes, opinionated_network(), 1, {}))
    asked = labels(*pools(split), "--model", tmp_path / "m.pt")
    crowds = train.boxes.assign(crowd=train.boxes["image"].isin(train.ids[1::2]).astype(int))
    write_catalogue(tmp_path / "crowds", replace(train, boxes=crowds))
    fewer = labels(*pools(split), "--model", tmp_path / "m.pt", "--catalogue", tmp_path / "crowds", out="3.zarr")
    for number, image in enumerate(train.ids):
        if number % 2:
            assert set(np.unique(fewer[image])) == {0, 255}
        else:
            np.testing.assert_array_equal(fewer[image], asked[image])
    chosen = fewer.table("chosen")
    assert (chosen[crowds["crowd"] == 1] == Chosen.NOTHING).all()
    rows = (crowds["crowd"] == 0).to_numpy()
    for name in ("chosen", "regression_cost"):
        np.testing.assert_array_equal(fewer.table(name)[rows], asked.table(name)[rows])


def test_a_network_of_other_classes_is_refused(split, labels, tmp_path):
    save_checkpoint(
        tmp_path / "m.pt", Checkpoint("mobilenet_v2", ("background", "x"), build_network("mobilenet_v2", 2), 1, {})
    )
    with pytest.raises(SystemExit, match="1"):
        labels(*pools(split), "--model", tmp_path / "m.pt")
    assert not (tmp_path / "2.zarr").exists()


def test_true_masks_where_they_may_be_used_and_rectangles_elsewhere(split, labels):
    made = labels("--fixed", f"{split}/rectangles.zarr", "--truth", f"{split}/truth.zarr", "--masked", f"{split}/masks")
    masked, rectangles = set(read_catalogue(split / "masks").ids), Labels(split / "rectangles.zarr")
    for row in read_catalogue(split / "train").rows():
        expected = read_mask(row.mask) if row.image in masked else rectangles[row.image]
        np.testing.assert_array_equal(made[row.image], expected)


@pytest.mark.usefixtures("processors")
@pytest.mark.parametrize("kind", ["grabcut", "bbox_seg"])
def test_fixed_masks_are_the_same_from_one_process_and_from_two(split, tmp_path, kind):
    out = tmp_path / "two.zarr"
    main(["fixed-masks", "--catalogue", f"{split}/train", "--kind", kind, "--workers", "2", "--out", str(out)])
    one, two = ({path.relative_to(store): path.read_bytes() for path in store.rglob("*") if path.is_file()}
                for store in (split / f"{kind}.zarr", out))  # fmt: skip
    assert one == two
    labels, rectangles = Labels(out), Labels(split / "rectangles.zarr")
    filled = [(labels[image] > 0).sum() / (rectangles[image] > 0).sum() for image in labels]
    assert 0.2 < np.mean(filled) < 1


def test_a_generation_says_which_boxes_took_their_rectangle(split, labels):
    made = labels("--fixed", f"{split}/grabcut.zarr", "--truth", f"{split}/truth.zarr", "--masked", f"{split}/masks")
    catalogue, masked = read_catalogue(split / "train"), read_catalogue(split / "masks").ids
    kept = catalogue.boxes["image"].isin(masked).to_numpy()
    expected = np.where(kept, Chosen.NOTHING, Labels(split / "grabcut.zarr").table("chosen"))
    np.testing.assert_array_equal(made.table("chosen"), expected)
    assert Chosen.SEGMENT in expected


def test_fixed_masks_of_another_split_are_refused(split, labels, tmp_path, capsys):
    train = read_catalogue(split / "train")
    write_catalogue(tmp_path / "fewer", replace(train, boxes=train.boxes[:-1]))
    for name, folder, message in (
        ("part", split / "masks", "fixed masks: 4 of the images are missing"),
        ("boxes", tmp_path / "fewer", "boxes.zarr: its images or boxes are not those of the split"),
    ):
        store = f"{tmp_path}/{name}.zarr"
        main(["fixed-masks", "--catalogue", str(folder), "--kind", "rectangles", "--out", store])
        with pytest.raises(SystemExit, match="1"):
            labels("--fixed", store)
        assert message in capsys.readouterr().err


def test_fixed_masks_of_parts_are_those_of_the_whole(split, labels, tmp_path):
    train = read_catalogue(split / "train")
    stores = [f"{tmp_path}/fixed{number}.zarr" for number in range(2)]
    for number, store in enumerate(stores):
        write_catalogue(tmp_path / f"half{number}", train.shard(number, 2))
        arguments = ["--catalogue", f"{tmp_path}/half{number}", "--kind", "rectangles"]
        main(["fixed-masks", *arguments, "--out", store])
    whole = labels("--fixed", f"{split}/rectangles.zarr")
    joined = labels("--fixed", *stores, out="joined.zarr")
    np.testing.assert_array_equal(joined.table("chosen"), whole.table("chosen"))
    for image in train.ids:
        np.testing.assert_array_equal(joined[image], whole[image])


def test_all_masks_need_no_proposals(split, labels):
    made = labels("--truth", f"{split}/truth.zarr", "--masked", f"{split}/train")
    assert made.table("true_mask").all()
    assert (made.table("chosen") == -2).all()


def test_a_union_chooses_what_its_parts_choose(split, labels, tmp_path):
    """Two halves of the split as if each were a data set, their shards given side by side."""
    train = read_catalogue(split / "train")
    for number in range(2):
        write_catalogue(tmp_path / f"part{number}", train.shard(number, 2))
        write_problems(tmp_path / f"part{number}/problems.csv", [])
    parts = [str(tmp_path / f"part{number}") for number in range(2)]
    main(["join", "--parts", *reversed(parts), "--out", f"{tmp_path}/union"])
    union = read_catalogue(tmp_path / "union")
    assert union.ids == [*train.ids[3:], *train.ids[:3]]
    whole = labels(*pools(split))
    shards = [f"{split}/{kind}/{i}-of-2.zarr" for kind in ("pools", "overlaps") for i in range(2)]
    more = ["--catalogue", f"{tmp_path}/union", "--proposals", *shards[:2], "--overlaps", *shards[2:]]
    joined = labels(*more, out="union.zarr")
    for image in union.ids:
        np.testing.assert_array_equal(joined[image], whole[image])
    order = [union.boxes["image"].isin(train.ids[3:]), union.boxes["image"].isin(train.ids[:3])]
    chosen = joined.table("chosen")
    np.testing.assert_array_equal(np.concatenate([chosen[order[1]], chosen[order[0]]]), whole.table("chosen"))


def test_masks_of_several_stores_are_one_and_masked_images_need_no_proposals(split, labels, tmp_path):
    train = read_catalogue(split / "train")
    write_catalogue(tmp_path / "first", train.shard(0, 2))
    for number in range(2):
        write_catalogue(tmp_path / f"part{number}", train.shard(number, 2))
        arguments = ["--catalogue", f"{tmp_path}/part{number}", "--kind", "truth"]
        main(["fixed-masks", *arguments, "--out", f"{tmp_path}/truth{number}.zarr"])
    made = labels("--truth", f"{tmp_path}/truth0.zarr", f"{tmp_path}/truth1.zarr", "--masked", f"{split}/train")
    for row in train.rows():
        np.testing.assert_array_equal(made[row.image], read_mask(row.mask))
    second = ["--proposals", f"{split}/pools/1-of-2.zarr", "--overlaps", f"{split}/overlaps/1-of-2.zarr"]
    mixed = labels(*second, "--truth", f"{tmp_path}/truth0.zarr", "--masked", f"{tmp_path}/first", out="3.zarr")
    assert mixed.table("true_mask").tolist() == [1, 1, 1, 0, 0, 0]


def other_images(split, folder, count):
    """Tables of a split of other images, and with `count` of those that are trained on."""
    catalogue = read_catalogue(split / "train")
    own = catalogue.subset(catalogue.ids[: max(count, 1)])
    if not count:
        own = replace(own, images=own.images.assign(image="other"), boxes=own.boxes.assign(image="other"))
    else:
        extra = own.images.iloc[:1].assign(image="other")
        own = replace(own, images=pd.concat([own.images, extra], ignore_index=True))
    write_catalogue(folder, own)
    return ["--truth", split / "truth.zarr", "--masked", folder]


def test_a_split_whose_masks_none_of_the_images_has_is_refused(split, labels, objects, tmp_path, capsys):
    masked = other_images(split, tmp_path / "other", 0)
    for run in (
        lambda: labels(*pools(split), *masked),
        lambda: objects("net", "--part", "0/2", *pools(split), *masked),
    ):
        with pytest.raises(SystemExit, match="1"):
            run()
        error = capsys.readouterr().err
        assert "none of its 1 images is in the training split, so no true mask would be used; name a split" in error


def test_it_is_said_how_many_of_the_images_with_masks_are_trained_on(split, labels, tmp_path, capsys):
    labels(*pools(split), *other_images(split, tmp_path / "some", 2))
    assert f"note: 2 of the 3 images of {tmp_path / 'some'} are in the training split" in capsys.readouterr().err
    labels(*pools(split), "--truth", split / "truth.zarr", "--masked", split / "masks", out="3.zarr")
    assert "images of" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "images without true masks need --proposals and --overlaps, or --fixed masks"),
        (["--masked", "{split}/masks"], "true masks of {split}/masks: 2 of the images are missing"),
        (["--fixed", "{split}/nothing.zarr"], "{split}/nothing.zarr: no such store"),
        (
            ["--proposals", "{split}/pools/0-of-2.zarr", "--overlaps", "{split}/overlaps/0-of-2.zarr"],
            "proposals: 3 of the images are missing",
        ),
        (
            ["--proposals", "{split}/overlaps/0-of-2.zarr", "--overlaps", "{split}/overlaps/0-of-2.zarr"],
            "expected a store of candidate pools, got overlaps",
        ),
    ],
)
def test_what_is_missing_is_one_line_and_leaves_nothing(split, labels, tmp_path, capsys, arguments, message):
    with pytest.raises(SystemExit, match="1"):
        labels(*(argument.format(split=split) for argument in arguments))
    [line] = [line for line in capsys.readouterr().err.splitlines() if "boxsup: error" in line]
    assert message.format(split=split) in line
    assert list(tmp_path.iterdir()) == []


def test_overlaps_of_other_boxes_and_proposals_of_other_images_are_refused(split, labels, tmp_path, capsys):
    train = read_catalogue(split / "train")
    moved = train.boxes.assign(x0=train.boxes["x0"].where(train.boxes.index != 2, train.boxes["x0"] + 3))
    wider = train.images.assign(width=train.images["width"] + 1)
    masks = train.boxes.assign(image=[f"other{image}" for image in train.boxes["image"]])
    renamed = train.images.assign(image=[f"other{image}" for image in train.ids])
    for name, changed, message in (
        ("moved", replace(train, boxes=moved), f"{train.boxes['image'][2]}: its overlaps belong to other boxes or"),
        ("fewer", replace(train, boxes=train.boxes[:-1]), f"{train.ids[-1]}: its overlaps belong to other boxes or"),
        ("wider", replace(train, images=wider), "its proposals are for "),
    ):
        write_catalogue(tmp_path / name, changed)
        with pytest.raises(SystemExit, match="1"):
            labels(*pools(split), "--catalogue", tmp_path / name)
        assert message in capsys.readouterr().err
    write_catalogue(tmp_path / "renamed", replace(train, images=renamed, boxes=masks))
    with pytest.raises(SystemExit, match="1"):
        main(["overlaps", "--catalogue", f"{tmp_path}/renamed", *pools(split)[:2], "--out", f"{tmp_path}/o.zarr"])
    assert "none of its images is in" in capsys.readouterr().err
    assert not list(tmp_path.glob("*.zarr"))


def test_masks_of_more_classes_than_the_split_are_refused(split, labels, tmp_path, capsys):
    train = read_catalogue(split / "train")
    write_catalogue(tmp_path / "fewer", replace(train, classes=train.classes[:2]))
    with pytest.raises(SystemExit, match="1"):
        labels("--fixed", f"{split}/rectangles.zarr", "--catalogue", tmp_path / "fewer")
    assert "has labels of more classes than the split's 2" in capsys.readouterr().err
    assert not (tmp_path / "2.zarr").exists()


def test_a_generation_records_its_instructions_and_warns_of_proposals_with_others(split, labels, tmp_path, capsys):
    own = instructions(network=False)
    assert labels(*pools(split)).attributes["versions"]["instructions"] == own
    capsys.readouterr()
    other = shutil.copytree(split / "pools", tmp_path / "pools") / "0-of-2.zarr"
    metadata = json.loads((other / "zarr.json").read_text())
    metadata["attributes"]["versions"]["instructions"] = {"numpy": "of another"}
    (other / "zarr.json").write_text(json.dumps(metadata))
    labels("--proposals", other, other.with_name("1-of-2.zarr"), *pools(split)[3:], out="3.zarr")
    said = [line for line in capsys.readouterr().err.splitlines() if "warning" in line]
    assert len(said) == 1
    assert f"{other} was made with of another of numpy, this goes on with {own['numpy']}" in said[0]


@pytest.fixture
def objects(split, config, tmp_path):
    """Run `boxsup objects` with some more arguments: the paths of its maps and its network."""
    settings = object_settings(config["defaults"]["objects"]) | {
        "size": 25,
        "epochs": 1,
        "steps": 0,
        "batch": 4,
        "weights": "none",
    }
    update = lesson_settings(config["defaults"]["update"], turn=2)

    def run(name, *more, **other):
        own = ["--catalogue", f"{split}/train", "--seed", "0", "--settings", json.dumps(settings | other)]
        maps, network = tmp_path / f"{name}.zarr", tmp_path / f"{name}.pt"
        main(["objects", *own, "--update", json.dumps(update), *map(str, more), "--out", str(network)])
        return maps, network

    return run


def parts(split, objects, tmp_path, *more):
    stores = [tmp_path / f"part{i}.zarr" for i in range(2)]
    for i, store in enumerate(stores):
        objects(f"part{i}", "--part", f"{i}/2", "--maps", store, *pools(split), *more)
    return stores


def test_object_networks_make_maps_of_all_boxes_which_the_update_asks(split, labels, objects, tmp_path):
    stores = parts(split, objects, tmp_path)
    catalogue = read_catalogue(split / "train")
    held = [list(ObjectMaps([store])) for store in stores]
    assert sorted(held[0] + held[1]) == sorted(catalogue.ids)
    assert not set(held[0]) & set(held[1])
    maps = ObjectMaps(stores)
    for image in catalogue.ids:
        assert maps[image].shape == (len(catalogue.boxes_of(image)), 25, 25)
    asked = labels(*pools(split), "--objects", *stores, out="asked.zarr")
    alone = labels(*pools(split), out="alone.zarr")
    chose = asked.table("chosen") >= 0
    assert (asked.table("object_cost")[chose, 0] > 0).all()
    assert (alone.table("object_cost")[alone.table("chosen") >= 0, 0] == 0).all()


def test_stores_that_lack_an_image_are_told(split, objects, tmp_path, capsys):
    (maps, _), both = parts(split, objects, tmp_path), pools(split)
    for lacking, what in ((slice(1, 2), "proposals"), (slice(4, 5), "overlaps")):
        given = [each for each in both if each not in both[lacking]]
        with pytest.raises(SystemExit):
            objects("wrong", *given)
        assert f"boxsup: error: {what}: 3 of the images are missing, the first is train_000" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        objects("wrong", *both, "--before", maps)
    assert "object maps of the round before: 3 of the images are missing" in capsys.readouterr().err
    assert not (tmp_path / "wrong.pt").exists()


def test_what_was_made_for_other_boxes_is_told(split, labels, objects, tmp_path, capsys):
    maps = parts(split, objects, tmp_path)
    tables = read_catalogue(split / "train")
    write_catalogue(tmp_path / "fewer", replace(tables, boxes=tables.boxes.iloc[1:].reset_index(drop=True)))
    fewer = ["--catalogue", tmp_path / "fewer"]
    with pytest.raises(SystemExit):
        objects("wrong", *pools(split), *fewer)
    assert "its overlaps belong to other boxes or proposals" in capsys.readouterr().err
    again = [f"{tmp_path}/overlaps/{i}.zarr" for i in range(2)]
    for pool, out in zip(pools(split)[1:3], again, strict=True):
        main(["overlaps", *map(str, fewer), "--proposals", pool, "--out", out])
    given = [*pools(split)[:3], "--overlaps", *again, *fewer]
    objects("right", *given)
    for run in (lambda: objects("wrong", *given, "--before", *maps), lambda: labels(*given, "--objects", *maps)):
        with pytest.raises(SystemExit):
            run()
        assert re.search(
            r"train_\d+: object maps are of \d+ box(es)?, and it has \d+: make them", capsys.readouterr().err
        )


def test_equal_object_networks_give_equal_bytes(split, objects, tmp_path):
    first = parts(split, objects, tmp_path)
    contents = [{file: file.read_bytes() for file in store.rglob("*") if file.is_file()} for store in first]
    networks = [(tmp_path / f"part{i}.pt").read_bytes() for i in range(2)]
    again = parts(split, objects, tmp_path)
    assert contents == [{file: file.read_bytes() for file in store.rglob("*") if file.is_file()} for store in again]
    assert networks == [(tmp_path / f"part{i}.pt").read_bytes() for i in range(2)]


def test_true_masks_teach_object_networks(split, objects, tmp_path):
    masked = ["--truth", split / "truth.zarr", "--masked", split / "masks"]
    parts(split, objects, tmp_path)
    without = (tmp_path / "part0.pt").read_bytes()
    parts(split, objects, tmp_path, *masked)
    assert without != (tmp_path / "part0.pt").read_bytes()


def test_a_second_round_learns_from_the_maps_of_the_first(split, objects, tmp_path):
    stores = parts(split, objects, tmp_path)
    objects("second", "--part", "0/2", "--maps", tmp_path / "second.zarr", "--before", *stores, *pools(split))
    assert (tmp_path / "second.pt").read_bytes() != (tmp_path / "part0.pt").read_bytes()


def test_a_network_may_learn_from_all_boxes_and_then_judges_none(split, objects, tmp_path, capsys):
    objects("all", *pools(split))
    _, made = load_network(tmp_path / "all.pt")
    assert made["boxes"] == len(read_catalogue(split / "train").boxes)
    with pytest.raises(SystemExit):
        objects("wrong", "--maps", tmp_path / "wrong.zarr", *pools(split))
    assert "needs --part" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        objects("wrong", "--part", "2/2", *pools(split))
    assert "--part: expected I/N" in capsys.readouterr().err


def test_the_shipped_network_may_have_a_share_of_the_maps(split, objects, tmp_path):
    def stored(share):
        store = tmp_path / f"{share}.zarr"
        objects(f"{share}", "--part", "0/2", "--maps", store, *pools(split), shipped=share)
        return ObjectMaps([store])

    own, half, shipped = map(stored, (0.0, 0.5, 1.0))
    catalogue = read_catalogue(split / "train")
    image = next(iter(own))
    row = next(row for row in catalogue.rows() if row.image == image)
    seen = ObjectViewer([], 1).maps(row.photo(), corners_of(catalogue.boxes_of(image))).astype(np.float32)
    expected = np.stack([resized(each, 25, 25) for each in seen])
    assert np.abs(shipped[image] - expected).max() <= 1
    mean = (own[image].astype(float) + shipped[image]) / 2
    assert np.abs(half[image] - mean).max() <= 1
    assert np.abs(own[image].astype(float) - shipped[image]).max() > 10


def test_one_image_has_maps_that_know_nothing(split, objects, tmp_path):
    catalogue = read_catalogue(split / "train")
    alone = tmp_path / "alone"
    write_catalogue(alone, catalogue.subset(catalogue.ids[:1]))
    objects("alone", "--catalogue", alone, "--part", "0/2", "--maps", tmp_path / "alone.zarr", *pools(split))
    [maps] = ObjectMaps([tmp_path / "alone.zarr"]).values()
    assert (maps == 128).all()


def test_maps_of_other_images_are_refused(split, labels, objects, tmp_path, capsys):
    stores = parts(split, objects, tmp_path)
    with pytest.raises(SystemExit):
        labels(*pools(split), "--objects", stores[0])
    assert "object maps" in capsys.readouterr().err


def journal_of(split, path):
    """Decisions on the boxes of an image with three or more: a mask of another class, nothing, void."""
    catalogue = read_catalogue(split / "train")
    image = next(image for image in catalogue.ids if len(catalogue.boxes_of(image)) >= 3)
    row, boxes = next(row for row in catalogue.rows() if row.image == image), catalogue.boxes_of(image)
    decisions = []
    for number, (verdict, corners, label) in enumerate(
        zip(("mask", "nothing", "void"), corners_of(boxes).tolist(), boxes["label"], strict=False)
    ):
        x0, y0, x1, y1 = corners
        pixels = np.zeros((row.height, row.width), np.bool_)
        pixels[y0:y1, x0 : (x0 + x1) // 2] = True
        name = catalogue.classes[label % (len(catalogue.classes) - 1) + 1]
        runs = runs_of(pixels) if verdict == "mask" else None
        key = BoxKey(image, catalogue.classes[label], (x0, y0, x1, y1))
        decisions.append(Decision(str(number), key, verdict, name, key.corners, runs, 0.5, 0.5, False))
    for decision in decisions:
        append_entry(path, decision.entry())
    return image, boxes.index[:3].to_list(), decisions


def test_reviewed_masks_are_pinned_and_other_boxes_choose_as_before(split, labels, tmp_path):
    image, rows, (masked, *_) = journal_of(split, tmp_path / "reviewed.jsonl")
    plain, pinned = (
        labels(*pools(split)),
        labels(*pools(split), "--reviewed", tmp_path / "reviewed.jsonl", out="p.zarr"),
    )
    chosen, before = pinned.table("chosen"), plain.table("chosen")
    assert chosen[rows].tolist() == [Chosen.SEGMENT, Chosen.NOTHING, Chosen.NOTHING]
    others = np.setdiff1d(np.arange(len(chosen)), rows)
    assert (chosen[others] == before[others]).all()
    for other in plain:
        if other != image:
            assert (plain[other] == pinned[other]).all()
    pixels = masked.pixels(*pinned[image].shape)
    label = read_catalogue(split / "train").classes.index(masked.class_name)
    assert (pinned[image][pixels] == label).all()
    assert (pinned[image] == 255).any()  # the void box
    assert pinned.attributes["reviewed"] == 1
    assert "reviewed" not in plain.attributes


def test_reviewed_masks_teach_object_networks(split, objects, tmp_path):
    journal_of(split, tmp_path / "reviewed.jsonl")
    without = objects("without", *pools(split))[1].read_bytes()
    given = objects("with", *pools(split), "--reviewed", tmp_path / "reviewed.jsonl")[1]
    assert given.read_bytes() != without


def test_a_pinned_mask_is_the_target_and_its_box_the_crop(split, tmp_path, config):
    image, rows, _ = journal_of(split, tmp_path / "reviewed.jsonl")
    train = read_catalogue(split / "train")
    pins = read_pins(tmp_path / "reviewed.jsonl", train)
    train = pins.applied(train)
    assert list(pins.masks) == rows[:1]
    settings = build(ObjectNetSettings, object_settings(config["defaults"]["objects"]) | {"size": 25}, "objects")
    update = build(ExpectationSettings, lesson_settings(config["defaults"]["update"], 1), "update")
    stores = [[split / kind / f"{i}-of-2.zarr" for i in range(2)] for kind in ("pools", "overlaps")]
    teacher = Teacher(Pools(stores[0]), Overlaps(stores[1]), {}, set(), None, update)
    lessons = collect_lessons(train, [image], teacher, settings, 0, pins.masks)
    assert len(lessons.crops) == len(train.boxes_of(image)) - 2  # nothing and void teach nothing
    inner = lessons.targets[0][5:30, 5:30]
    assert (inner[:, :10] == OBJECT).all()
    assert (inner[:, 15:] == 0).all()


def test_decisions_that_do_not_fit_are_told(split, labels, tmp_path, capsys):
    _, _, (masked, *_) = journal_of(split, tmp_path / "reviewed.jsonl")
    moved = replace(masked, number="moved", key=replace(masked.key, corners=(0, 0, 3, 3)))
    append_entry(tmp_path / "reviewed.jsonl", moved.entry())
    labels(*pools(split), "--reviewed", tmp_path / "reviewed.jsonl")
    assert "1 decision about boxes that are not as they were: not used" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        labels("--fixed", split / "rectangles.zarr", "--reviewed", tmp_path / "reviewed.jsonl")
    with pytest.raises(SystemExit):
        labels(*pools(split), "--reviewed", tmp_path / "none.jsonl")
    errors = capsys.readouterr().err
    assert "needs boxes that choose" in errors
    assert "none.jsonl: no such file of decisions" in errors


def test_a_box_of_a_class_that_is_not_trained_is_background_and_decisions_on_left_out_classes_are_counted(
    split, labels, tmp_path, capsys
):
    """It must not train as the class that a person called wrong."""
    image, (first, *_), (masked, *_) = journal_of(split, tmp_path / "some.jsonl")
    append_entry(tmp_path / "other.jsonl", replace(masked, class_name="truck").entry())
    lorry = replace(masked, number="lorry", key=replace(masked.key, class_name="lorry"))
    append_entry(tmp_path / "other.jsonl", lorry.entry())
    pins = read_pins(tmp_path / "other.jsonl", read_catalogue(split / "train"))
    assert (dict(pins.crowd), dict(pins.masks), pins.unused) == ({first: PINNED}, {}, 1)
    nothing = replace(masked, verdict="nothing", runs=None)
    append_entry(tmp_path / "nothing.jsonl", nothing.entry())
    named, none = (
        labels(*pools(split), "--reviewed", tmp_path / f"{name}.jsonl", out=f"{name}.zarr")
        for name in ("other", "nothing")
    )
    assert (named[image] == none[image]).all()
    errors = capsys.readouterr().err
    assert "boxes said to be of classes that are not trained (truck): 1; background\n" in errors
    assert "1 decision on boxes of classes that are left out: not used\n" in errors
    assert "their rectangle; 1 box as a person decided, 1 decision not used\n" in errors
    assert "their rectangle; 1 box as a person decided\n" in errors


def test_a_decision_on_a_duplicate_is_about_no_other(split, tmp_path, capsys):
    _, (first, *_), (masked, nothing, _) = journal_of(split, tmp_path / "reviewed.jsonl")
    train = read_catalogue(split / "train")
    boxes = train.boxes.loc[[*train.boxes.index, first]]  # the first box of the image once more
    order = np.argsort(boxes["image"].map({name: at for at, name in enumerate(train.ids)}), kind="stable")
    twice = replace(train, boxes=boxes.iloc[order].reset_index(drop=True))
    one, other = (row for row, again in enumerate((twice.boxes == train.boxes.loc[first]).all(axis=1)) if again)

    def pins(**key):
        path = tmp_path / "duplicates.jsonl"
        path.unlink(missing_ok=True)
        append_entry(path, replace(nothing, key=replace(masked.key, **key)).entry())
        return dict(read_pins(path, twice).crowd)

    assert pins() == pins(of=2) == {one: PINNED}
    assert pins(nth=1, of=2) == {other: PINNED}
    assert "not used" not in capsys.readouterr().err
    assert pins(nth=1, of=3) == pins(of=3) == pins(nth=2) == {}
    assert "1 decision about boxes that are not as they were: not used" in capsys.readouterr().err


def contents(store):
    return {path.relative_to(store): path.read_bytes() for path in store.rglob("*") if path.is_file()}


def test_boxes_choose_the_same_bytes_in_any_number_of_processes(
    split, labels, objects, tmp_path, processes, monkeypatch
):
    """By overlap, and by a network and object maps; each process takes one image after the other."""
    monkeypatch.setattr("boxsup.labels.in_processes.MAX_BATCH", 1)
    classes = read_catalogue(split / "train").classes
    save_checkpoint(tmp_path / "model.pt", Checkpoint("mobilenet_v2", classes, opinionated_network(), 1, {}))
    seen = ["--model", tmp_path / "model.pt", "--objects", *parts(split, objects, tmp_path)]
    for name, more in (("overlap", []), ("seen", seen)):
        for workers in (1, 2, 3):
            labels(*pools(split), *more, "--workers", workers, out=f"{name}{workers}.zarr")
        made = [contents(tmp_path / f"{name}{workers}.zarr") for workers in (1, 2, 3)]
        assert made[0] == made[1] == made[2]
    assert made[0] != contents(tmp_path / "overlap1.zarr")
    assert processes == [2, 3, 2, 3]


def test_what_goes_wrong_in_a_process_is_one_line_and_leaves_nothing(split, labels, tmp_path, processes, capsys):
    train = read_catalogue(split / "train")
    moved = train.boxes.assign(x0=train.boxes["x0"].where(train.boxes.index != 2, train.boxes["x0"] + 3))
    write_catalogue(tmp_path / "moved", replace(train, boxes=moved))
    with pytest.raises(SystemExit, match="1"):
        labels(*pools(split), "--catalogue", tmp_path / "moved", "--workers", "2")
    [line] = [line for line in capsys.readouterr().err.splitlines() if "boxsup: error" in line]
    assert processes == [2]
    assert f"{train.boxes['image'][2]}: its overlaps belong to other boxes or" in line
    assert not list(tmp_path.glob("*.zarr*"))


@pytest.mark.usefixtures("processes")
def test_a_process_that_is_killed_is_one_line_and_leaves_nothing(split, labels, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("boxsup.labels.in_processes._made_of_batch", be_killed)
    with pytest.raises(SystemExit, match="1"):
        labels(*pools(split), "--workers", "2")
    [line] = [line for line in capsys.readouterr().err.splitlines() if "boxsup: error" in line]
    assert "a worker process was ended from outside" in line
    assert not list(tmp_path.glob("*.zarr*"))
