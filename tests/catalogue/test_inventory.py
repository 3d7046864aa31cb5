"""The inventory of a split in each format: which edits it sees, and which are none."""

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from boxsup.catalogue import inventory as module
from boxsup.catalogue import looks
from boxsup.catalogue.changes import FIRST, LOST, Changes, SplitFiles, changed_images, changes
from boxsup.catalogue.inventory import SEEN, read_inventory, read_seen, write_inventory
from boxsup.catalogue.looks import LOOKED
from boxsup.catalogue.made_from import is_made_from, recording
from boxsup.catalogue.readers import READERS
from boxsup.cli import main
from boxsup.demo.tree import write_picture
from boxsup.experiments.splits import INVENTORY
from helpers import own_data

IMAGES = {"images": "images", "masks": "masks"}
SETTINGS = {
    "voc_xml": IMAGES | {"annotations": "annotations"},
    "yolo": IMAGES | {"annotations": "labels"},
    "labelme": IMAGES | {"annotations": "annotations"},
    "coco": IMAGES | {"annotations": "boxes.json"},
    "voc": {"list": "train", "masks": "SegmentationClass"},
}
FIRST_ANNOTATION = {
    "voc_xml": "annotations/picture_00.xml",
    "yolo": "labels/picture_00.txt",
    "labelme": "annotations/picture_00.json",
    "coco": "boxes.json",
    "voc": "Annotations/picture_00.xml",
}


def write(root, form):
    """Six pictures, the first three with masks."""
    made = own_data.pictures(6)
    if form == "voc":
        for part in ("JPEGImages", "Annotations", "SegmentationClass", "SegmentationObject", "ImageSets/Segmentation"):
            (root / part).mkdir(parents=True)
        for image, each in made.items():
            write_picture(root, image, each, own_data.CLASSES)
        (root / "ImageSets/Segmentation/train.txt").write_text("\n".join(made))
        return
    own_data.write_images(root / "images", made)
    own_data.write_masks(root / "masks", made, list(made)[:3])
    if form == "coco":
        own_data.write_coco(root / "boxes.json", made)
    elif form == "yolo":
        own_data.write_yolo(root, made)
    else:
        {"voc_xml": own_data.write_voc_xml, "labelme": own_data.write_labelme}[form](root / "annotations", made)


@pytest.fixture(params=SETTINGS)
def split(request, tmp_path):
    """A split of each format whose inventory was taken."""
    form = request.param
    write(tmp_path / "data", form)
    settings = json.dumps(SETTINGS[form])
    return taken(SplitFiles(tmp_path / "tables", form, tmp_path / "data", own_data.CLASSES, settings, "stop"))


def taken(split):
    write_inventory(split.folder, split.take_inventory(changes(split).since(), read_inventory(split.folder)))
    return split


def only(form):
    """A test of what one format alone has."""
    return pytest.mark.parametrize("split", [form], indirect=True)


def seen(split):
    """What changed of three shards of two images each: the split, the shards' images, their annotations, the masks."""
    then = changes(replace(split, root=split.root.parent / "before"))
    now = changes(split)
    images = [now.image_hash(i, 3) != then.image_hash(i, 3) for i in range(3)]
    boxes = [now.box_hash(i, 3) != then.box_hash(i, 3) for i in range(3)]
    return now.since() != FIRST, images, boxes, now.mask_hash() != then.mask_hash()


NOTHING = (False, [False] * 3, [False] * 3, False)


@pytest.fixture
def edit(split):
    """Edit files of the split; what they were is kept beside, to compare with."""
    shutil.copytree(split.root, split.root.parent / "before")

    def change(name, how):
        how(split.root / name)
        return seen(split)

    return change


def append(path):
    path.write_bytes(path.read_bytes() + b"\n")


def images_of(split):
    return "JPEGImages/{}.jpg" if split.form == "voc" else "images/{}.png"


def test_the_ids_and_files_are_those_that_the_reader_checks(split):
    records = [check() for check in READERS[split.form](split.root, split.classes, split.split).checks]
    found = read_inventory(split.folder)
    assert found.ids == [record.image for record in records]
    for record, files in zip(records, found.files, strict=True):
        assert {path for path in (record.path, record.mask, record.objects) if path} <= {file.path for file in files}
    assert all(file.sha256 != module.UNREADABLE for files in found.files for file in files)


def test_nothing_is_seen_where_nothing_changed(edit, split):
    assert seen(split) == NOTHING


def test_an_annotation_changes_the_boxes_of_its_shard(edit, split):
    shards = [True] * 3 if split.form == "coco" else [True, False, False]  # COCO's are all in one file
    assert edit(FIRST_ANNOTATION[split.form], append) == (True, [False] * 3, shards, False)


def test_an_image_changes_its_shard(edit, split):
    other = split.root / images_of(split).format("picture_05")
    changed = edit(images_of(split).format("picture_02"), lambda path: shutil.copy(other, path))
    assert changed == (True, [False, True, False], [False] * 3, False)


def test_as_many_other_bytes_at_the_same_time_are_a_change(edit, split):
    def flip(path):
        times = path.stat().st_atime_ns, path.stat().st_mtime_ns
        content = path.read_bytes()
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        os.utime(path, ns=times)

    assert edit(images_of(split).format("picture_04"), flip) == (True, [False, False, True], [False] * 3, False)


def test_a_true_mask_changes_no_table(edit, split):
    folder = "SegmentationClass" if split.form == "voc" else "masks"
    other = split.root / folder / "picture_01.png"
    changed = edit(f"{folder}/picture_00.png", lambda path: shutil.copy(other, path))
    assert changed == (False, [False] * 3, [False] * 3, True)


def test_a_true_mask_that_comes_or_goes_changes_the_table_of_images(edit, split):
    folder = "SegmentationClass" if split.form == "voc" else "masks"
    whole, *_, masks = edit(f"{folder}/picture_00.png", Path.unlink)
    assert (whole, masks) == (True, True)


def test_other_times_are_no_change(edit, split):
    for path in split.root.rglob("*"):
        os.utime(path, (1e9, 1e9))
    assert seen(split) == NOTHING


def test_a_copy_in_place_of_the_data_set_is_no_change(edit, split):
    split.root.rename(split.root.parent / "old")
    shutil.copytree(split.root.parent / "old", split.root, copy_function=shutil.copyfile)
    assert seen(split) == NOTHING


def test_an_image_that_is_gone_or_new(edit, split):
    gone = edit(images_of(split).format("picture_05"), Path.unlink)
    assert gone[0]
    assert gone[1][2]


@only("voc_xml")
def test_a_folder_taken_whole_gives_new_images(edit, split):
    name = "picture_06"
    for folder, ending in (("images", "png"), ("annotations", "xml")):
        shutil.copy(split.root / f"{folder}/picture_00.{ending}", split.root / f"{folder}/{name}.{ending}")
    now = changes(split)
    assert now.now.ids[-1] == name
    assert now.since().startswith(f"added {split.root}/images/{name}.png and 1 more (")


@only("voc")
def test_a_line_of_a_list(edit, split):
    listed = "ImageSets/Segmentation/train.txt"
    ids = read_inventory(split.folder).ids
    changed = edit(listed, lambda path: path.write_text("\n".join(ids[:5])))
    assert changed[0]
    assert edit(listed, lambda path: path.write_text("\r\n".join([*ids, "", ""]))) == NOTHING  # the same names
    assert edit(listed, lambda path: path.write_text("\n".join(reversed(ids))))[0]
    assert edit(listed, lambda path: path.write_text("\n".join([*ids, ids[0]])))[0]  # the catalogue says what is wrong


@only("yolo")
def test_the_names_of_yolos_classes(edit, split):
    assert edit("data.yaml", append) == (True, [False] * 3, [True] * 3, False)


def test_settings_of_the_split_and_classes(split):
    assert changes(replace(split, classes=own_data.CLASSES[:-1])).since() != FIRST
    assert changes(replace(split, on_problem="skip")).since() != FIRST


def test_data_that_are_away_as_a_whole_are_no_change(split):
    then = changes(split)
    split.root.rename(split.root.parent / "elsewhere")
    away = changes(split)
    assert away.since() == FIRST
    assert [away.image_hash(i, 3) for i in range(3)] == [then.image_hash(i, 3) for i in range(3)]


def test_an_inventory_again_has_the_same_bytes(split):
    content = (split.folder / INVENTORY).read_bytes()
    for path in split.root.rglob("*"):
        os.utime(path)
    (split.folder / SEEN).unlink(missing_ok=True)
    taken(split)
    assert (split.folder / INVENTORY).read_bytes() == content


def test_a_change_is_named_once_and_kept(split):
    append(split.root / FIRST_ANNOTATION[split.form])
    told = changes(split).since()
    assert told.startswith(f"changed {split.root / FIRST_ANNOTATION[split.form]} (")
    assert changes(taken(split)).since() == told


def test_files_are_read_once(split, monkeypatch):
    settle(split, monkeypatch)
    changes(split).since()
    read = []
    monkeypatch.setattr(module, "sha256_of", lambda path: read.append(path) or "x")
    (split.folder / LOOKED).unlink()
    changes(split).since()
    assert read == []
    append(split.root / FIRST_ANNOTATION[split.form])
    changes(split).since()
    assert read[0] == split.root / FIRST_ANNOTATION[split.form]


def settle(split, monkeypatch):
    """As if all files were older than the grain of times."""
    monkeypatch.setattr(module, "GRAIN", -(10**18))
    monkeypatch.setattr(looks, "GRAIN", -(10**18))


def test_answers_are_kept_for_as_long_as_the_files_stay(split, monkeypatch):
    settle(split, monkeypatch)

    def answers(seen):
        return seen.since(), seen.source(), seen.image_hash(1, 3), seen.box_hash(1, 3), seen.mask_hash()

    first = answers(changes(split))
    again = changes(split)
    assert answers(again) == first
    assert not {"before", "now"} & vars(again).keys()  # neither was read
    append(split.root / FIRST_ANNOTATION[split.form])
    assert answers(changes(split)) != first
    assert answers(changes(taken(split)))[0] != FIRST
    assert "before" not in vars(again)
    kept = (split.folder / LOOKED).read_text()
    for damage in ("", "[]", kept[:-2], kept.replace("images", "imagez")):
        (split.folder / LOOKED).write_text(damage)
        assert answers(changes(split)) == answers(Changes(split))


def test_a_file_that_may_change_again_in_the_same_moment_is_not_taken_as_seen(split, monkeypatch):
    monkeypatch.setattr(module, "GRAIN", 10**18)  # as if all were written a moment ago
    assert read_seen(taken(split).folder) == {}
    settle(split, monkeypatch)
    changes(split).since()
    assert len(read_seen(split.folder)) >= 10


def test_a_damaged_inventory_is_made_again(split):
    (split.folder / INVENTORY).write_text("[")
    assert changes(split).since() == LOST
    assert changes(taken(split)).since() == LOST  # once


def test_a_shard_reads_its_part_of_the_inventory(split):
    whole = read_inventory(taken(split).folder)
    part = read_inventory(split.folder, whole.ids[1:2])
    assert part.ids == whole.ids[1:2]
    for own in ("image_hash", "box_hash"):
        assert getattr(part, own)(part.ids) == getattr(whole, own)(part.ids)
    path = split.folder / INVENTORY
    path.write_text(path.read_text()[:-3])  # cut off
    assert read_inventory(split.folder, whole.ids[:1]) is None


def test_what_cannot_be_listed_is_left_to_the_catalogue(split):
    source = split.root / {"voc": "ImageSets/Segmentation/train.txt", "coco": "boxes.json"}.get(split.form, "images")
    shutil.rmtree(source) if source.is_dir() else source.unlink()
    assert changes(split).since() != FIRST
    assert read_inventory(taken(split).folder).ids == []


@only("voc_xml")
def test_names_of_any_bytes_and_links(edit, split):
    for folder, ending in (("images", "png"), ("annotations", "xml")):
        source = split.root / folder
        shutil.copy(source / f"picture_00.{ending}", os.path.join(os.fsencode(source), b"\xff." + ending.encode()))
        (source / f"zz.{ending}").symlink_to(f"picture_01.{ending}")
        (source / f"zzz.{ending}").symlink_to("nowhere")
    assert changes(split).since().isprintable()
    told = changes(taken(split)).since()
    append(split.root / "annotations/picture_01.xml")  # of two images now
    assert changes(split).since() != told


@only("voc_xml")
def test_images_left_out_do_not_move_the_shards_of_the_others(split, tmp_path):
    broken, text = split.root / "annotations/picture_03.xml", "<annotation"
    whole = broken.read_text()
    broken.write_text(text)
    skipping = replace(split, on_problem="skip", folder=tmp_path / "skip")
    options = ["--format", "voc_xml", "--root", str(split.root), "--split", split.split, "--on-problem", "skip"]
    options += ["--classes", json.dumps(list(split.classes[1:])), "--out", str(skipping.folder)]
    main(["inventory", *options])
    main(["catalogue", *options])
    then = changes(skipping)
    catalogued = [image for image in then.now.ids if image != "picture_03"]
    assert then.image_hash(0, 1) == then.now.image_hash(catalogued)
    broken.write_text(whole)  # it comes back, before the catalogue says so
    assert changes(skipping).image_hash(0, 1) == then.now.image_hash(then.now.ids)
    (split.root / "annotations/picture_00.xml").write_text(text)
    assert changes(skipping).image_hash(0, 1) == then.now.image_hash(then.now.ids[1:])


@only("voc_xml")
def test_an_image_whose_annotation_is_astray_moves_no_check_of_another(split, tmp_path):
    (split.root / "annotations/elsewhere").mkdir()
    (split.root / "annotations/picture_00.xml").rename(split.root / "annotations/elsewhere/PICTURE_00.xml")
    skipping = replace(split, on_problem="skip", folder=tmp_path / "skip")
    taken(skipping)
    (split.root / "annotations/picture_02.xml").write_text("<annotation")
    now = changes(skipping).now
    assert skipping.faulty(changed_images(read_inventory(skipping.folder), now)) == {"picture_00", "picture_02"}


def test_a_shard_says_what_it_was_made_from(tmp_path):
    store = tmp_path / "0-of-1.zarr"
    with recording(store, {"images": "a"}):
        store.mkdir()
    assert is_made_from(store, {"images": "a"})
    assert not is_made_from(store, {"images": "b"})
    with pytest.raises(ZeroDivisionError), recording(store, {"images": "b"}):
        raise ZeroDivisionError
    assert not is_made_from(store, {"images": "b"})
    assert not is_made_from(store, {"images": "a"})
