"""The command `masks`: from somebody's boxes to masks with their quality, with a model and without, after a kill."""

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from pycocotools.coco import COCO

from boxsup.catalogue.records import Box, Record
from boxsup.catalogue.tables import corners_of, read_catalogue
from boxsup.cli import main
from boxsup.commands import masks
from boxsup.config.build import build
from boxsup.config.params import generation_settings
from boxsup.config.update import UpdateSettings
from boxsup.errors import DataError
from boxsup.experiments.tree import Run
from boxsup.image.boxes import box_iou
from boxsup.image.files import read_image
from boxsup.inference.scores import Predictor
from boxsup.labels.choice import Chosen
from boxsup.labels.generation import LabelUpdate
from boxsup.masking import masker
from boxsup.masking.box_masks import BoxMask
from boxsup.masking.made import read_made
from boxsup.masking.parts import ImagePart, has_part, part_key, read_part, write_part
from boxsup.masking.quality import FLAGS, NO_CANDIDATE, Measures
from boxsup.network import build_network as build_network
from boxsup.network.checkpoint import Checkpoint, save_checkpoint
from boxsup.objects.network import SHIPPED
from boxsup.objects.viewer import ObjectViewer
from boxsup.proposals.methods import build_settings, make_proposer
from boxsup.review.of_masks import subject_of_masks
from helpers.networks import network_that_has_seen, write_object_network

pytestmark = pytest.mark.slow  # candidates are made and networks run

CLASSES = ["ring", "crescent", "star", "branch"]
IMAGES = 7
FORMATS = ["voc", "coco", "coco_polygons", "yolo"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Seven generated pictures with VOC's annotations, and a model whose classes stand in another order."""
    folder = tmp_path_factory.mktemp("masks")
    shapes = json.dumps({"seed": 0, "side": 80, "train": IMAGES, "val": 1, "masks": 2})
    main(["shapes", "--settings", shapes, "--classes", json.dumps(CLASSES), "--out", f"{folder}/tree"])
    (folder / "images").mkdir()
    for path in sorted((folder / "tree" / "JPEGImages").glob("train_*")):
        path.rename(folder / "images" / path.name)
    (folder / "boxes").mkdir()
    for path in sorted((folder / "tree" / "Annotations").glob("train_*")):
        path.rename(folder / "boxes" / path.name)
    pictures = [np.asarray(Image.open(path).resize((80, 80))) for path in sorted((folder / "images").iterdir())]
    names = ("background", *reversed(CLASSES))
    save_checkpoint(folder / "m.pt", Checkpoint("mobilenet_v2", names, network_that_has_seen(pictures[:4], 5), 0, {}))
    write_object_network(folder / "objects.pt")
    return folder


def arguments(folder, out, *more, model=True):
    own = ["--images", f"{folder}/images", "--boxes", f"{folder}/boxes", "--objects", f"{folder}/objects.pt"]
    own += ["--model", f"{folder}/m.pt"] if model else []
    own += ["--proposals", "selective_search", "--workers", "1"]  # quick to start
    return ["masks", *own, "--out", str(out), "--format", *FORMATS, *map(str, more)]


KILLED = """
import os, signal, sys
from boxsup.cli import main
from boxsup.masking import jobs
write, written = jobs.write_part, []
def write_two(*given):
    write(*given)
    written.append(given)
    if len(written) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
jobs.write_part = write_two
main(sys.argv[1:])
"""


def run(*given):
    """A process of its own: here NumPy's BLAS may have more threads, on which last bits depend."""
    process = subprocess.run([sys.executable, "-m", "boxsup", *given], stderr=subprocess.PIPE, text=True)
    errors = process.stderr
    assert process.returncode == 0, errors
    return errors


@pytest.fixture(scope="module")
def whole(folder):
    """An undisturbed run."""
    run(*arguments(folder, folder / "whole"))
    return folder / "whole"


def masks_in(out, catalogue):
    """Image id -> the masks of its boxes, from the parts of a run."""
    found = {}
    for row in catalogue.rows():
        corners = corners_of(catalogue.boxes_of(row.image)).tolist()
        record = Record(row.image, row.path, row.height, row.width, boxes=[Box(1, *box) for box in corners])
        key = json.loads((out / "parts" / f"{row.image}.json").read_text())["key"]
        found[row.image] = read_part(out / "parts", key, record).masks
    return found


def files(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_masks_are_those_of_the_methods_update(folder, whole, config):
    """Against a generation of the update from the stages' own functions: the candidates that it chooses, sharpened."""
    arguments = ["--format", "voc_xml", "--root", str(folder), "--classes", json.dumps(CLASSES[::-1])]
    split = json.dumps({"images": "images", "annotations": "boxes", "masks": "none"})
    out = ["--on-problem", "stop", "--out", f"{folder}/catalogue"]
    main(["catalogue", *arguments, "--split", split, *out])
    catalogue = read_catalogue(folder / "catalogue")
    propose = make_proposer(build_settings(config["proposals"]["selective_search"], "p"))
    settings = build(UpdateSettings, generation_settings(config["defaults"]["update"]), "update")
    predictor, viewer = Predictor(folder / "m.pt", 1), ObjectViewer([folder / "objects.pt"], 1)
    assert len(catalogue.images) == IMAGES
    compared, masks = 0, masks_in(whole, catalogue)
    for row in catalogue.rows():
        pixels, boxes = read_image(row.path), catalogue.boxes_of(row.image)
        pool, scores = propose(pixels, row.image), predictor.log_probabilities(pixels).numpy()
        corners, maps = corners_of(boxes), viewer.maps(pixels, corners_of(boxes))
        overlaps = {row.image: box_iou(corners, pool.boxes)}
        ask, seen = (lambda _, labels, own=scores: own[labels]), {row.image: maps}
        update = LabelUpdate({row.image: pool}, overlaps, ask, settings, 5, 9, seen)
        made = update.labels(row.image, row.height, row.width, boxes)
        for number, choice in enumerate(made.choices):
            mask = masks[row.image][number]
            assert mask.rectangle == (choice.chosen == Chosen.RECTANGLE)
            if choice.chosen < 0:
                assert np.isnan(mask.measures.expected_iou)
                continue
            assert mask.measures.expected_iou == pytest.approx(choice.expected_iou[0], abs=1e-6)
            assert mask.measures.network_agreement == pytest.approx(1 - choice.regression[0], abs=1e-6)
            assert mask.measures.object_cost == pytest.approx(choice.object[0], abs=1e-6)
            x0, y0, x1, y1 = corners[number]
            window = np.s_[y0:y1, x0:x1]
            # BLAS has other threads here: last bits differ.
            assert (mask.pixels[window] != made.sharpened[number].inside(corners[number])).mean() < 1e-3
            compared += 1
    assert compared > IMAGES


def test_coco_comes_back_through_its_own_tools(whole, folder):
    runs, polygons = COCO(str(whole / "coco.json")), COCO(str(whole / "coco_polygons.json"))
    table = pd.read_csv(whole / "boxes.csv")
    assert len(runs.anns) == len(polygons.anns) == len(table) > IMAGES
    assert {entry["file_name"] for entry in runs.imgs.values()} == set(os.listdir(folder / "images"))
    assert [runs.cats[label]["name"] for label in sorted(runs.cats)] == CLASSES[::-1]
    for number, record in runs.anns.items():
        mask = runs.annToMask(record)
        np.testing.assert_array_equal(mask, polygons.annToMask(polygons.anns[number]))
        x, y, width, height = record["bbox"]
        outside = mask.copy()
        outside[y : y + height, x : x + width] = 0
        assert mask.any()
        assert not outside.any()
        assert 0 <= record["score"] <= 1


def test_the_table_has_every_box_those_worth_a_look_first(whole):
    table = pd.read_csv(whole / "boxes.csv", keep_default_na=False)
    flagged = (table["flags"] != "").tolist()
    assert flagged == sorted(flagged, reverse=True)
    for _, rows in table.groupby(table["flags"] == ""):
        assert rows["score"].is_monotonic_increasing
    assert set(" ".join(table["flags"]).split()) <= set(FLAGS)
    assert ((table["tight_x0"] >= table["x0"]) & (table["tight_y1"] <= table["y1"])).all()


def test_yolos_labels_lie_as_the_images_do(whole, folder):
    assert sorted(path.stem for path in (whole / "yolo" / "labels").iterdir()) == sorted(
        path.stem for path in (folder / "images").iterdir()
    )


def test_after_a_kill_only_the_rest_is_done_and_the_bytes_are_the_same(folder, whole, tmp_path):
    out = tmp_path / "out"
    killed = subprocess.run([sys.executable, "-c", KILLED, *arguments(folder, out)], stderr=subprocess.PIPE, text=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    kept = {path: path.stat().st_mtime_ns for path in (out / "parts").glob("train*.json")}
    assert len(kept) == 2
    assert not (out / "boxes.csv").exists()
    assert f"{len(kept)} of them done before" in run(*arguments(folder, out))
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert files(out) == files(whole)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_results_depend_neither_on_processes_nor_on_where_networks_run(folder, whole, tmp_path, monkeypatch, device):
    """With a GPU the networks run in the command's own process; here they run there on the CPU, as everywhere."""
    monkeypatch.setattr(masker, "device", lambda: torch.device(device))
    monkeypatch.setattr(masker, "WORTH_STARTING", 0.1)
    monkeypatch.setattr(masks, "add_workers_argument", lambda parser, *_, **__: parser.set_defaults(workers=3))
    started = []
    calls = {masker.map_batches: 4, masker.map_in_processes: 2}  # and which argument is the number of processes
    for call, place in calls.items():

        def noted(*given, call=call, place=place, **more):
            started.append(given[place])
            return call(*given, **more)

        monkeypatch.setattr(masker, call.__name__, noted)
    given = arguments(folder, tmp_path / "out")
    place = given.index("--workers")
    main([*given[:place], *given[place + 2 :]])
    assert started == [3]
    assert files(tmp_path / "out") == files(whole)


def test_what_is_done_is_not_done_again(folder, whole, capsys):
    before = {path: path.stat().st_mtime_ns for path in (whole / "parts").iterdir()}
    content = files(whole)
    main(arguments(folder, whole))
    assert f"{IMAGES} images, {IMAGES} of them done before" in capsys.readouterr().err
    assert {path: path.stat().st_mtime_ns for path in (whole / "parts").iterdir()} == before
    assert files(whole) == content


def test_what_is_damaged_or_changed_is_done_again_and_a_bad_image_left_out(folder, whole, tmp_path):
    for source in (folder / "images", folder / "boxes", whole):
        shutil.copytree(source, tmp_path / source.name)
    names = sorted(path.stem for path in (tmp_path / "boxes").iterdir())
    parts = [tmp_path / "whole" / "parts" / f"{name}.json" for name in names]
    before = {part: part.stat().st_mtime_ns for part in parts}
    parts[0].write_bytes(parts[0].read_bytes()[:-40])
    xml = tmp_path / "boxes" / f"{names[1]}.xml"
    xml.write_text(xml.read_text().replace("<xmin>", "<xmin>0", 1))  # the same number in other words: the same box
    xml = tmp_path / "boxes" / f"{names[2]}.xml"
    text = xml.read_text()
    first, last = text.index("<xmax>") + 6, text.index("</xmax>")
    xml.write_text(f"{text[:first]}{int(text[first:last]) - 1}{text[last:]}")
    pictures = [next((tmp_path / "images").glob(f"{name}.*")) for name in names]
    Image.fromarray(255 - read_image(pictures[3])).save(pictures[3])
    pictures[4].write_bytes(pictures[4].read_bytes()[:200])
    given = arguments(folder, tmp_path / "whole")
    given[2], given[4] = str(tmp_path / "images"), str(tmp_path / "boxes")
    process = subprocess.run([sys.executable, "-m", "boxsup", *given], stderr=subprocess.PIPE, text=True)
    errors = process.stderr
    assert process.returncode == 1
    assert f"{IMAGES - 1} images, {IMAGES - 4} of them done before" in errors
    assert "1 problem left images out" in errors
    changed = [parts.index(part) for part in parts if part.stat().st_mtime_ns != before[part]]
    assert changed == [0, 2, 3]
    assert parts[0].read_bytes() == (whole / "parts" / parts[0].name).read_bytes()
    assert len(list(parts[0].parent.glob(f"{names[0]}.*T*.json"))) == 1  # the damaged one: somebody may have edited it
    assert list(pd.read_csv(tmp_path / "whole" / "problems.csv")["image"]) == [names[4]]
    masks = {path.stem for path in (tmp_path / "whole" / "voc" / "SegmentationClass").iterdir()}
    assert masks == set(names) - {names[4]}


def test_a_users_voc_folder_is_not_taken_for_ours(folder, tmp_path, capsys):
    """Images in `data/voc/JPEGImages`, results into `data`: once, this has deleted the images."""
    (tmp_path / "data" / "voc").mkdir(parents=True)
    shutil.copytree(folder / "images", tmp_path / "data" / "voc" / "JPEGImages")
    before = files(tmp_path)
    given = arguments(folder, tmp_path / "data", "--overwrite")
    given[2] = str(tmp_path / "data" / "voc" / "JPEGImages")
    with pytest.raises(SystemExit, match="1"):
        main(given)
    assert "JPEGImages lies in it; write elsewhere" in capsys.readouterr().err
    given = arguments(folder, tmp_path / "data")  # of other images
    with pytest.raises(SystemExit, match="1"):
        main(given)
    said = capsys.readouterr().err
    assert "JPEGImages" in said
    assert f"the first of {IMAGES}" in said
    assert files(tmp_path) == before


def test_masks_of_other_images_are_not_replaced_unasked(folder, whole, tmp_path, capsys):
    out, other = tmp_path / "out", tmp_path / "other"
    shutil.copytree(whole, out)
    (out / "reviewed.jsonl").touch()
    other.mkdir()
    first, second = sorted((folder / "images").iterdir())[:2]
    shutil.copy(first, other / first.name)
    before = (out / "masks.json").read_bytes()
    with pytest.raises(SystemExit):
        main([*arguments(folder, out), "--images", str(other)])
    told = capsys.readouterr().err
    assert f"{out}/masks.json: is of other images than those in {other}, such as {second} (and " in told
    assert "write into another folder, with --out, or add --overwrite, which keeps what is there under" in told
    assert (out / "masks.json").read_bytes() == before
    for path in (folder / "images").iterdir():  # of the same names
        (other / path.name).write_bytes(b"another")
    with pytest.raises(SystemExit):
        main([*arguments(folder, out), "--images", str(other)])
    assert f"{out}/masks.json: is of other images than those in {other}, such as " in capsys.readouterr().err
    shutil.rmtree(other)
    other.mkdir()
    shutil.copy(first, other / first.name)
    main([*arguments(folder, out), "--images", str(other), "--overwrite"])
    assert [path.read_bytes() for path in out.glob("masks.2*.json")] == [before]
    assert len(list(out.glob("reviewed.2*.jsonl"))) == len(list(out.glob("voc.2*"))) == 1
    assert [path.name for path in (out / "parts").iterdir()] == [f"{first.stem}.json"]


def test_decisions_that_nobody_names_any_more_are_told_of(folder, whole, tmp_path, capsys):
    out, reviewed = tmp_path / "out", tmp_path / "my decisions.jsonl"
    shutil.copytree(whole, out)
    reviewed.touch()
    before = (out / "masks.json").read_bytes()
    main(arguments(folder, out, "--reviewed", reviewed))
    main(arguments(folder, out, "--reviewed", reviewed))
    assert "masks: note: " not in capsys.readouterr().err
    assert subject_of_masks(out).journal == reviewed  # so that the same command has what is decided from now on
    (out / "reviewed.jsonl").touch()
    main(arguments(folder, out, "--reviewed", reviewed))
    assert f"note: {out}/reviewed.jsonl has decisions, too; they are not used" in capsys.readouterr().err
    (out / "reviewed.jsonl").unlink()
    main(arguments(folder, out))
    said = (
        f"masks: note: the masks here had the decisions of {reviewed}, and have them no more; --reviewed '{reviewed}'"
    )
    assert said in capsys.readouterr().err
    assert (out / "masks.json").read_bytes() == before


def test_boxes_are_not_written_over(folder, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "coco.json").write_text("{}")
    given = arguments(folder, ".")
    given[4] = "coco.json"
    with pytest.raises(SystemExit, match="1"):
        main(given)
    assert " input " in capsys.readouterr().err
    assert files(tmp_path) == {"coco.json": b"{}"}


def test_a_mask_that_a_person_corrected_is_kept(folder, whole, tmp_path, capsys):
    shutil.copytree(whole, tmp_path / "out")
    corrected = sorted((tmp_path / "out" / "voc" / "SegmentationClass").iterdir())[2]
    corrected.write_bytes(b"corrected")
    with pytest.raises(SystemExit, match="1"):
        main(arguments(folder, tmp_path / "out"))
    assert f"{corrected.name} in it is not as boxsup wrote it, the first of 1" in capsys.readouterr().err
    assert corrected.read_bytes() == b"corrected"
    main(arguments(folder, tmp_path / "out", "--overwrite"))
    [kept] = (tmp_path / "out").glob("voc.*T*")
    assert (kept / "SegmentationClass" / corrected.name).read_bytes() == b"corrected"
    new, old = files(tmp_path / "out" / "voc"), files(whole / "voc")
    assert new == old


def test_a_parts_key_is_of_all_that_it_depends_on(tmp_path):
    (tmp_path / "a.png").write_bytes(b"one")
    record = Record("a", str(tmp_path / "a.png"), 9, 9, boxes=[Box(1, 0, 0, 5, 5)])
    keys = [part_key({"model": 1}, record), part_key({"model": 2}, record)]
    keys.append(part_key({"model": 1}, replace(record, boxes=[Box(2, 0, 0, 5, 5)])))
    (tmp_path / "a.png").write_bytes(b"two")
    keys.append(part_key({"model": 1}, record))
    assert len(set(keys)) == 4


MEASURES = Measures(0.9, 0.1, 0.3, 0.8, 0.5, 0.0, 1.0, 0.7, 0.6, 0.2, 2)


def test_a_part_comes_back_as_it_was_and_a_forged_one_is_made_anew(tmp_path):
    record = Record("a", "a.png", 4, 6, boxes=[Box(1, 1, 0, 4, 3), Box(1, 0, 0, 6, 4, crowd=1), Box(2, 3, 1, 6, 4)])
    pixels = [np.zeros((4, 6), np.bool_) for _ in range(2)]
    pixels[0][1, 1:3] = pixels[1][1:4, 3:6] = True
    rectangle = MEASURES._replace(**NO_CANDIDATE._asdict())
    masks = [BoxMask(pixels[0], False, MEASURES), None, BoxMask(pixels[1], True, rectangle)]
    write_part(tmp_path, "key", ImagePart(record, masks))
    back = read_part(tmp_path, "key", record)
    assert back.masks[1] is None
    for mask, own in zip(back.masks[::2], masks[::2], strict=True):
        np.testing.assert_array_equal(mask.pixels, own.pixels)
        assert mask.rectangle == own.rectangle
        np.testing.assert_equal(tuple(mask.measures), tuple(own.measures))
    content = json.loads((tmp_path / "a.json").read_text())
    whole = json.dumps(content)
    outside = json.dumps({**content, "masks": [content["masks"][2], None, content["masks"][2]]})
    for forged in (
        *(whole[:-9], "[]", "3", '{"key": "key"}', outside, json.dumps({**content, "masks": content["masks"][:2]})),
        *(whole.replace('"key": "key"', '"key": "other"'), whole.replace('"runs": "', '"runs": "~')),
        *(
            whole.replace("0.9", '"x"'),
            whole.replace('"seen": 0.7', '"seen": null'),
            whole.replace('"rival": 2', '"rival": 2.5'),
        ),
    ):
        (tmp_path / "a.json").write_text(forged)
        with pytest.raises(DataError, match=r"a\.json: cannot be used"):
            read_part(tmp_path, "key", record)
        assert not has_part(tmp_path, "key", record)


def test_without_a_model_every_class_has_masks(folder, tmp_path):
    out = tmp_path / "out"
    main(arguments(folder, out, model=False))
    table = pd.read_csv(out / "boxes.csv")
    assert set(table["class"]) == set(CLASSES)
    assert table["network_agreement"].isna().all()
    assert table["score"].between(0, 1).all()
    assert pd.read_csv(out / "problems.csv").empty
    masks = COCO(str(out / "coco.json"))
    assert len(masks.anns) == len(table)
    assert all(masks.annToMask(record).any() for record in masks.anns.values())


def test_boxes_of_a_class_that_the_model_does_not_know_have_the_masks_of_no_model(folder, tmp_path, capsys):
    names = ("background", "star", "ring")
    save_checkpoint(tmp_path / "m.pt", Checkpoint("mobilenet_v2", names, build_network("mobilenet_v2", 3), 0, {}))
    main([*arguments(folder, tmp_path / "some", model=False), "--model", str(tmp_path / "m.pt")])
    assert "a class that the model does not know, whose masks are made without it" in capsys.readouterr().err
    main(arguments(folder, tmp_path / "none", model=False))
    some, none = (
        pd.read_csv(tmp_path / name / "boxes.csv").sort_values(["image", "x0", "y0", "x1", "y1"]).reset_index(drop=True)
        for name in ("some", "none")
    )
    unknown = some["class"].isin(["crescent", "branch"])
    assert (some["network_agreement"].isna() == unknown).all()
    assert 0 < unknown.sum() < len(some)
    pd.testing.assert_frame_equal(some[unknown].drop(columns="rival"), none[unknown].drop(columns="rival"))
    assert some.loc[unknown, "rival"].isna().all()
    told = pd.read_csv(tmp_path / "some" / "problems.csv")["problem"]
    assert told.str.fullmatch(r"made without the model, for .*: it does not know the class, but star, ring").all()
    assert set(told.str.findall(r"of '(\w+)'").explode()) == {"crescent", "branch"}


def test_disjoint_masks_share_no_pixel_and_hold_the_same_together(folder, tmp_path):
    for name in ("apart", "overlapping"):
        more = ["--disjoint"] if name == "apart" else []
        main(arguments(folder, tmp_path / name, *more, model=False))
    apart, overlapping = (masks_by_image(tmp_path / name) for name in ("apart", "overlapping"))
    shared = 0
    for image, own in apart.items():
        assert np.sum(own, axis=0).max() <= 1
        np.testing.assert_array_equal(np.any(own, axis=0), np.any(overlapping[image], axis=0))
        shared += int((np.sum(overlapping[image], axis=0) > 1).sum())
    assert shared > 0


def masks_by_image(out):
    content = COCO(str(out / "coco.json"))
    return {image: [content.annToMask(record) for record in content.imgToAnns[image]] for image in content.imgs}


def test_a_box_that_loses_every_pixel_has_no_mask_and_it_is_said(folder, tmp_path, capsys):
    image = sorted((folder / "images").iterdir())[0]
    box = {"image_id": 1, "bbox": [20, 20, 40, 40], "iscrowd": 0, "area": 1600}
    content = {
        "images": [{"id": 1, "file_name": image.name}],
        "annotations": [{"id": number, "category_id": number, **box} for number in (1, 2)],
        "categories": [{"id": number, "name": name} for number, name in enumerate(CLASSES[:2], start=1)],
    }
    (tmp_path / "twice.json").write_text(json.dumps(content))
    given = arguments(folder, tmp_path / "out", "--disjoint", model=False)
    given[4] = str(tmp_path / "twice.json")
    main(given)
    assert "1 images have boxes without a mask" in capsys.readouterr().err
    assert len(pd.read_csv(tmp_path / "out" / "boxes.csv")) == 1
    assert list(pd.read_csv(tmp_path / "out" / "problems.csv")["problem"]) == [
        "no mask for 1 boxes: another box is surer of each of their pixels"
    ]


def test_another_object_network_or_way_makes_all_parts_anew(folder, tmp_path, capsys):
    out = tmp_path / "out"
    for more, done in (
        ([], 0),
        ([], IMAGES),
        (["--disjoint"], 0),
        (["--objects", str(write_object_network(tmp_path / "other.pt", seed=1))], 0),
        (["--objects", str(folder / "objects.pt"), str(tmp_path / "other.pt")], 0),
    ):
        main(arguments(folder, out, *more, model=False))
        assert f"{IMAGES} images, {done} of them done before" in capsys.readouterr().err


def test_where_no_network_is_named_the_shipped_one_looks(folder, tmp_path, capsys):
    given = arguments(folder, tmp_path / "out", model=False)
    place = given.index("--objects")
    main([*given[:place], *given[place + 2 :]])
    assert (pd.read_csv(tmp_path / "out" / "boxes.csv")["score"] > 0).all()
    main([*given, "--objects", str(SHIPPED)])
    assert f"{IMAGES} images, {IMAGES} of them done before" in capsys.readouterr().err


def test_the_networks_that_look_are_those_of_the_models_run_and_half_the_shipped_one(folder, tmp_path, capsys):
    run_folder = Run("own", 0, tmp_path)
    model = run_folder.model(1)
    model.parent.mkdir(parents=True)
    shutil.copy(folder / "m.pt", model)
    for i in range(2):
        path = run_folder.object_network(1, i, 2)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_object_network(path, seed=i)
    given = arguments(folder, tmp_path / "out", "--model", model)
    del given[given.index("--objects") : given.index("--objects") + 2]
    main(given)
    own = [run_folder.object_network(1, i, 2) for i in range(2)]
    made = read_made(tmp_path / "out").recipe
    assert (made.objects, made.shipped) == (tuple(own), True)
    capsys.readouterr()
    main(arguments(folder, tmp_path / "out", "--objects", *map(str, [*own, SHIPPED])))  # a third each
    assert f"{IMAGES} images, 0 of them done before" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "status", "message"),
    [
        (["--boxes", "nowhere"], "1", "nowhere: no such file or folder; expected a COCO JSON"),
        (["--images", "nowhere"], "1", "nowhere: no such folder of images"),
        (["--proposals", "sam"], "1", "proposals sam: expected one of"),
        (["--format", "gif"], "2", "invalid choice: 'gif' (choose from"),
        (["--config", "{folder}/paper.yaml"], "1", "defaults.update.regression: `boxsup masks` knows the quality"),
        (["--config", "{folder}/corrected.yaml"], "1", "defaults.update.correction: `boxsup masks` knows no"),
        (
            ["--config", "{folder}/coarse.yaml"],
            "1",
            "update.sharpen: `boxsup masks` knows the quality of masks with true",
        ),
        (["--objects", "{folder}/m.pt"], "1", "m.pt: not an object network"),
        (["--objects", "{folder}/nowhere.pt"], "1", "nowhere.pt"),
    ],
)
def test_a_users_mistake_says_what_is_right(folder, tmp_path, capsys, more, status, message):
    (folder / "paper.yaml").write_text("defaults: {update: {regression: cross_entropy}}")
    (folder / "corrected.yaml").write_text("defaults: {update: {correction: {generations: 45}}}")
    (folder / "coarse.yaml").write_text("defaults: {update: {sharpen: false}}")
    with pytest.raises(SystemExit, match=status):
        main([*arguments(folder, tmp_path / "out"), *(text.format(folder=folder) for text in more)])
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_an_id_does_not_leave_the_folder_of_parts(folder, tmp_path):
    """COCO may say anything of files: a name with `..` is a problem, and nothing is written elsewhere."""
    content = {
        "images": [{"id": 1, "file_name": "../../evil.jpg", "height": 80, "width": 80}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 1, 9, 9], "iscrowd": 0, "area": 81}],
        "categories": [{"id": 1, "name": "ring"}],
    }
    (tmp_path / "boxes.json").write_text(json.dumps(content))
    given = arguments(folder, tmp_path / "a" / "b" / "out")
    given[4] = str(tmp_path / "boxes.json")
    with pytest.raises(SystemExit, match="1"):
        main(given)
    assert {path.name for path in Path(tmp_path).rglob("[!.]*") if path.is_file()} <= {
        "boxes.json", "boxes.csv", "problems.csv", "masks.json", "coco.json", "coco_polygons.json",
        "data.yaml", "labelmap.txt",
    }  # fmt: skip


def test_boxes_that_are_all_crowds_get_no_masks_and_it_is_said(folder, tmp_path, capsys):
    image = sorted((folder / "images").iterdir())[0]
    content = {
        "images": [{"id": 1, "file_name": image.name}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 1, 9, 9], "iscrowd": 1, "area": 81}],
        "categories": [{"id": 1, "name": "ring"}],
    }
    (tmp_path / "boxes.json").write_text(json.dumps(content))
    given = arguments(folder, tmp_path / "out")
    given[4] = str(tmp_path / "boxes.json")
    with pytest.raises(SystemExit, match="1"):
        main(given)
    assert "every box is a crowd (iscrowd 1): crowds get no masks" in capsys.readouterr().err
    assert not [path for path in (tmp_path / "out").rglob("*") if path.suffix in (".png", ".json")]
