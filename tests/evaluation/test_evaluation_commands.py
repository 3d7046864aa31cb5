from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import zarr
from PIL import Image
from torchmetrics.functional.classification import multiclass_jaccard_index

from boxsup.catalogue.tables import (
    IMAGE_COLUMNS,
    Catalogue,
    read_catalogue,
    write_catalogue,
)
from boxsup.cli import main
from boxsup.evaluation.quality import Quality, collapse_warning
from boxsup.image.files import read_image
from boxsup.inference.scores import Predictor
from boxsup.network import build_network
from boxsup.network.checkpoint import Checkpoint, save_checkpoint
from boxsup.store.labels import labels_writer

Split = Callable[[dict[str, list[list[int]] | None], list[tuple[str, int, int, int, int, int]]], Path]
CAT = [[0, 0, 0, 0], [0, 1, 1, 255], [0, 1, 1, 255], [0, 0, 0, 0]]
DOG = [[2, 2], [0, 0]]
SIDE = 10  # px: what a number above stands for where something is measured


def enlarged(rows: list[list[int]]) -> list[list[int]]:
    """Each label as a square of SIDE px: ratios stay, and there is enough of each class to be measured."""
    return np.kron(np.array(rows), np.ones((SIDE, SIDE), int)).tolist()


@pytest.fixture
def split(tmp_path: Path) -> Split:
    """Write images, masks (None: no true mask) and boxes (image, label, corners), and return the catalogue's folder."""

    def write(masks: dict[str, list[list[int]] | None], boxes: list[tuple[str, int, int, int, int, int]]) -> Path:
        rows = []
        for image, mask in masks.items():
            height, width = np.shape(mask) if mask else (4, 4)
            Image.fromarray(np.zeros((height, width, 3), np.uint8)).save(tmp_path / f"{image}.png")
            path = tmp_path / f"{image}-mask.png" if mask else ""
            if mask:
                Image.fromarray(np.array(mask, np.uint8)).save(path)
            rows.append((image, str(tmp_path / f"{image}.png"), height, width, str(path), ""))
        images = pd.DataFrame(rows, columns=list(IMAGE_COLUMNS))
        table = pd.DataFrame(
            [(*box, 0, 0) for box in boxes],
            columns=["image", "label", "x0", "y0", "x1", "y1", "difficult", "crowd"],
        )
        write_catalogue(tmp_path / "split", Catalogue(images, table, ("background", "cat", "dog")))
        return tmp_path / "split"

    return write


def write_predictions(
    path: Path, folder: Path, labels: dict[str, list[list[int]]], crf: dict[str, list[list[int]]]
) -> Path:
    catalogue = read_catalogue(folder)
    sizes = np.array([np.shape(labels[image]) for image in labels])
    assert set(labels) <= set(catalogue.ids)
    with labels_writer(path, list(labels), sizes, {"crf": {"iterations": 2}}, names=("labels", "labels_crf")) as writer:
        for image in labels:
            writer.append(image, labels=np.array(labels[image], np.uint8), labels_crf=np.array(crf[image], np.uint8))
    return path


def write_generation(
    path: Path, folder: Path, number: int, labels: dict[str, list[list[int]]], chosen: list[int], true: list[int]
) -> Path:
    catalogue = read_catalogue(folder)
    with labels_writer(path, catalogue.ids, catalogue.sizes, {"generation": number}) as writer:
        for image in catalogue.ids:
            writer.append(image, labels=np.array(labels[image], np.uint8))
        writer.table("chosen", np.array(chosen, np.int32))
        writer.table("true_mask", np.array(true, np.uint8))
    return path


def test_evaluation_of_two_images_worked_by_hand(
    split: Split, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    boxes = [("a", 1, 0, 0, 9, 9), ("b", 2, 0, 0, 9, 9), ("b", 2, 5, 5, 9, 9), ("unmasked", 1, 0, 0, 4, 4)]
    folder = split({"a": enlarged(CAT), "b": enlarged(DOG), "unmasked": None}, boxes)
    plain = {"a": enlarged([[0] * 4, [0, 1, 0, 0], [0, 1, 1, 1], [0] * 4]), "b": enlarged([[2, 0], [0, 1]])}
    crf = {"a": enlarged([[0] * 4] * 4), "b": enlarged(DOG)}
    store = write_predictions(tmp_path / "p.zarr", folder, plain, crf)
    out = tmp_path / "e.csv"
    main(["evaluation", "--catalogue", str(folder), "--predictions", str(store), "--out", str(out)])
    assert "over 2 images, 3 objects, 2 of 2 classes and the background" in capsys.readouterr().err
    table = pd.read_csv(out)
    counts = ["truth_pixels", "images", "objects", "classes"]
    fits = ["boundary_iou", "boundary_iou_crf", "boundary_f", "boundary_f_crf"]
    assert list(table.columns) == ["class", "iou", "iou_crf", *fits, *counts, "note"]
    assert table[counts[1:]].drop_duplicates().to_numpy().tolist() == [[2, 3, 2]]
    assert table["note"].isna().all()
    assert table["class"].tolist() == ["background", "cat", "dog", "mean"]
    assert table["truth_pixels"].tolist() == [1200, 400, 200, 1800]
    # background: 10 + 1 right of 12 true and 13 predicted; cat: 3 of 4 and 4; dog: 1 of 2 and 1
    ious = [11 / 14, 3 / 5, 1 / 2]
    np.testing.assert_allclose(table["iou"], [*ious, np.mean(ious)], atol=5e-7)
    np.testing.assert_allclose(table["iou_crf"], [12 / 16, 0, 1, (0.75 + 1) / 3], atol=5e-7)
    assert not out.with_suffix(".json").exists()
    arguments = [
        "evaluation",
        "--catalogue",
        str(folder),
        "--predictions",
        str(store),
        "--out",
        str(tmp_path / "f.csv"),
    ]
    main([*arguments, "--settings", '{"training": {"rate": 0.5}}'])
    assert json.loads((tmp_path / "f.json").read_text()) == {"training": {"rate": 0.5}}
    assert (tmp_path / "f.csv").read_bytes() == out.read_bytes()
    # 2 % of a diagonal are 1 px. Void takes what is predicted there: of the cat, a square of 20×20, the lower piece of
    # void is cat, 10×10 beside it; the prediction is the same without a 10×10. Both have frames of 96 pixels, which
    # share 77: all but the sides at that corner. Outlines have 91 without the border of the image; beyond 2 px of the
    # other are 8 on each of two sides that meet, which share one. Another 10×10, in a corner of the other image, is
    # wrong: a frame of 36, an outline of 21. The dog is 10×20 along the upper border, found as its left half: frames of
    # 56 and 36, which share 28; outlines of 20 and 19 without the border, of which 12 and 12 are near. The right half
    # of the void, more than 5 px from the cat, is not judged: 18 pixels of both frames, and 12 of both outlines, two of
    # which are beside it.
    cat, dog = 59 / (78 + 78 + 36 - 59), 28 / (56 + 36 - 28)
    np.testing.assert_allclose(table["boundary_iou"], [np.nan, cat, dog, (cat + dog) / 2], atol=5e-7)
    cat, dog = 2 * (79 - 15) / (79 + 79 + 21), 2 * 12 / (20 + 19)
    np.testing.assert_allclose(table["boundary_f"], [np.nan, cat, dog, (cat + dog) / 2], atol=5e-7)
    for column in ("boundary_iou_crf", "boundary_f_crf"):
        np.testing.assert_array_equal(table[column], [np.nan, 0, 1, 0.5])


def test_evaluation_says_which_image_is_missing_or_does_not_fit(
    split: Split, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = split({"a": CAT, "b": DOG}, [])
    store = write_predictions(tmp_path / "p.zarr", folder, {"a": CAT}, {"a": CAT})
    arguments = ["evaluation", "--catalogue", str(folder), "--out", str(tmp_path / "e.csv"), "--predictions"]
    with pytest.raises(SystemExit):
        main([*arguments, str(store)])
    assert "p.zarr: 1 of the images are missing, the first is b" in capsys.readouterr().err
    wrong = {"a": CAT, "b": [[0, 0, 0]]}
    with pytest.raises(SystemExit):
        main([*arguments, str(write_predictions(tmp_path / "q.zarr", folder, wrong, wrong))])
    assert "b: expected a prediction of the truth's shape (2, 2), got (1, 3)" in capsys.readouterr().err
    assert not (tmp_path / "e.csv").exists()


def test_without_any_truth_nothing_is_known_and_the_tables_say_so(
    split: Split, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = split({"unmasked": None}, [])
    empty = {"unmasked": [[0] * 4] * 4}
    store = write_predictions(tmp_path / "p.zarr", folder, empty, empty)
    arguments = ["--catalogue", str(folder), "--predictions", str(store), "--out"]
    main(["evaluation", *arguments, str(tmp_path / "e.csv")])
    assert (tmp_path / "e.csv").read_text().splitlines()[1:] == [
        *(f"{name},,,,,,,0,0,0,0,not measured: no pixel in the true masks" for name in ("background", "cat", "dog")),
        "mean,,,,,,,0,0,0,0,not measured: no image has a true mask",
    ]
    main(["trimap", "measure", *arguments, str(tmp_path / "t.csv")])
    assert len(pd.read_csv(tmp_path / "t.csv")) == 0
    assert capsys.readouterr().err.count("no image has a true mask") == 2
    compared = {"experiments": {"boxes": {"evaluated": "own, val", "tables": [str(tmp_path / "t.csv")]}}}
    with pytest.raises(SystemExit):
        main(["trimap", "plot", "--config", json.dumps(compared), "--out", str(tmp_path / "t.html")])
    assert "nothing is measured on the images that boxes is evaluated on" in capsys.readouterr().err


def label_quality(folder: Path, labels: Path, *more: str) -> pd.Series:
    out = labels.with_suffix(".csv")
    main(["label-quality", "--catalogue", str(folder), "--labels", str(labels), "--out", str(out), *more])
    table = pd.read_csv(out)
    assert len(table) == 1
    return table.iloc[0]


def test_label_quality_worked_by_hand(split: Split, tmp_path: Path) -> None:
    boxes = [
        ("a", 1, 10, 10, 30, 30),
        ("a", 2, 0, 0, 20, 20),
        ("b", 2, 0, 0, 20, 10),
        ("c", 1, 0, 0, 4, 2),
        ("d", 1, 0, 0, 10, 10),
    ]
    folder = split({"a": enlarged(CAT), "b": enlarged(DOG), "c": None, "d": enlarged(CAT)}, boxes)
    labels = {
        "a": enlarged([[0] * 4, [0, 1, 1, 0], [0, 1, 0, 1], [0] * 4]),  # 4 squares labelled, one of them on void
        "b": enlarged([[2, 2], [2, 255]]),
        "c": [[1, 1, 0, 0], *[[0] * 4] * 3],
        "d": enlarged(CAT),
    }
    first = write_generation(tmp_path / "1.zarr", folder, 1, labels, [3, -1, 0, 7, -2], [0, 0, 0, 1])
    row = label_quality(folder, first)
    assert list(row.index) == [field.name for field in fields(Quality)]
    assert row[["generation", "images", "boxes"]].tolist() == [1, 2, 4]  # d keeps its mask, c has none
    assert row[["objects", "classes"]].tolist() == [3, 2]
    assert pd.isna(row["note"])
    # background: 10 right of 12 true and 11 predicted; cat: 3 of 4 and 3; dog: 2 of 2 and 3
    assert row["miou"] == pytest.approx((10 / 13 + 3 / 4 + 2 / 3) / 3, abs=1e-6)
    # The cat is found as an L, and as a piece of 10×10 on void, which is cat in the truth then, as in the test of
    # evaluation: frames of 96 and 76 + 36, which share 85, less 18 that are not judged. The dog is found with a square
    # of 10×10 below its left half.
    cat, dog = 67 / (78 + 94 - 67), 48 / (56 + 76 - 48)
    assert row["boundary_iou"] == pytest.approx((cat + dog) / 2, abs=1e-6)
    precision, recall = 78 / 98, 74 / 79
    cat, dog = 2 * precision * recall / (precision + recall), 2 * 13 / (20 + 21)
    assert row["boundary_f"] == pytest.approx((cat + dog) / 2, abs=1e-6)
    assert row["fill"] == pytest.approx((3 / 4 + 3 / 2) / 2, abs=1e-6)
    # a: 4 labelled of 4 + 4 - 1 pixels of boxes; b: 3 of 2; c: 2 of 8
    assert row["box_fill"] == pytest.approx((4 / 7 + 3 / 2 + 2 / 8) / 3, abs=1e-6)
    assert np.isnan(row["changed"])
    assert row["rectangles"] == 0.25

    second = write_generation(tmp_path / "2.zarr", folder, 2, labels, [3, 5, 1, 7, -2], [0, 0, 0, 1])
    row = label_quality(folder, second, "--previous", str(first))
    assert row["changed"] == 0.5
    assert row["rectangles"] == 0


def test_labels_that_shrink_or_grow_are_warned_of(
    split: Split, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = split({"a": None}, [("a", 1, 0, 0, 4, 4)])

    def generation(number: int, rows: int, columns: int = 4) -> str:
        """The warning about labels of rows × columns of the box's 4×4 pixels, after a first generation of 2×4."""
        labels = np.zeros((4, 4), int)
        labels[:rows, :columns] = 1
        store = write_generation(tmp_path / f"{number}.zarr", folder, number, {"a": labels.tolist()}, [0], [0])
        row = label_quality(folder, store, *(["--first", str(tmp_path / "1.csv")] if number > 1 else []))
        return "" if pd.isna(row["warning"]) else row["warning"]

    assert generation(1, 2) == ""
    assert generation(3, 3, 3) == ""  # 9 of 16 beside 8
    assert "generation 4 fills 0.25 of its boxes, generation 1 filled 0.50: objects shrink" in generation(4, 1)
    assert "warning: generation 4 fills 0.25" in capsys.readouterr().err
    assert "generation 5 fills 0.75 of its boxes, generation 1 filled 0.50: objects grow" in generation(5, 3)


def test_masks_that_no_update_makes_are_not_warned_of(split: Split, tmp_path: Path) -> None:
    folder = split({"a": None}, [("a", 1, 0, 0, 4, 4)])
    store = write_generation(tmp_path / "1.zarr", folder, 1, {"a": np.ones((4, 4), int).tolist()}, [-1], [0])
    row = label_quality(folder, store)
    assert row["box_fill"] == 1
    assert pd.isna(row["warning"])


def test_a_first_generation_that_fills_nearly_all_or_nothing_is_warned_of() -> None:
    quality = Quality(1, 0, np.nan, np.nan, 0.95, np.nan, 0.0, 3)
    assert collapse_warning(quality, None).startswith("generation 1 fills 0.95 of its boxes: objects grow")
    assert "objects shrink" in collapse_warning(replace(quality, box_fill=0.1), None)
    assert collapse_warning(replace(quality, box_fill=0.5), None) == ""
    assert collapse_warning(replace(quality, box_fill=np.nan), 0.5) == ""


def test_label_quality_without_truth_leaves_its_fields_empty(split: Split, tmp_path: Path) -> None:
    folder = split({"a": None}, [("a", 1, 0, 0, 2, 2)])
    store = write_generation(tmp_path / "1.zarr", folder, 1, {"a": [[1, 0, 0, 0], *[[0] * 4] * 3]}, [0], [0])
    row = label_quality(folder, store)
    assert row["images"] == 0
    assert row["box_fill"] == 0.25
    assert np.isnan(row[["miou", "fill", "changed", "boundary_iou", "boundary_f"]].to_numpy(float)).all()


def test_label_quality_where_every_image_keeps_its_mask(split: Split, tmp_path: Path) -> None:
    folder = split({"a": CAT}, [("a", 1, 1, 1, 3, 3)])
    store = write_generation(tmp_path / "1.zarr", folder, 1, {"a": CAT}, [-2], [1])
    row = label_quality(folder, store)
    assert row[["images", "boxes"]].tolist() == [0, 0]
    assert np.isnan(row[["miou", "fill", "box_fill", "changed", "rectangles"]].to_numpy(float)).all()


def test_label_quality_of_another_split_is_refused(
    split: Split, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = split({"a": CAT}, [("a", 1, 1, 1, 3, 3)])
    store = write_generation(tmp_path / "1.zarr", folder, 1, {"a": CAT}, [0, 0], [0])
    with pytest.raises(SystemExit):
        label_quality(folder, store)
    assert "its images or boxes are not those of" in capsys.readouterr().err


def test_validate_scores_a_checkpoint_as_torchmetrics_does(split: Split, tmp_path: Path) -> None:
    torch.manual_seed(0)
    random = np.random.default_rng(0)
    masks = {name: random.choice([0, 1, 2, 255], (24, 32)).tolist() for name in ("a", "b")}
    folder = split({**masks, "unmasked": None}, [])
    classes = read_catalogue(folder).classes
    model = tmp_path / "model.pt"
    save_checkpoint(model, Checkpoint("mobilenet_v2", classes, build_network("mobilenet_v2", 3), 0, {}))
    out = tmp_path / "val.csv"
    main(
        [
            "validate",
            "--catalogue",
            str(folder),
            "--model",
            str(model),
            "--inference",
            '{"threads": 1}',
            "--out",
            str(out),
        ]
    )
    table = pd.read_csv(out)
    assert table["class"].tolist() == [*classes, "mean"]
    predictor = Predictor(model, 1)
    found = [predictor.log_probabilities(read_image(tmp_path / f"{name}.png")).argmax(0).cpu() for name in masks]
    truth = torch.tensor(list(masks.values()))
    iou = multiclass_jaccard_index(torch.stack(found), truth, num_classes=3, ignore_index=255, average="none")
    np.testing.assert_allclose(table["iou"].iloc[:3], iou.numpy(), atol=1e-6)
    assert table["iou"].iloc[3] == pytest.approx(iou.mean().item(), abs=1e-6)


def test_validate_on_another_data_set_is_refused(
    split: Split, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = split({"a": CAT}, [])
    model = tmp_path / "model.pt"
    classes = ("background", "cow", "dog")
    save_checkpoint(model, Checkpoint("mobilenet_v2", classes, build_network("mobilenet_v2", 3), 0, {}))
    with pytest.raises(SystemExit):
        main(["validate", "--catalogue", str(folder), "--model", str(model), "--out", str(tmp_path / "val.csv")])
    assert "its classes are not those of" in capsys.readouterr().err


def test_scores_without_a_crf_are_not_called_scores_with_one(
    split: Split, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = split({"a": enlarged(CAT), "b": enlarged(DOG)}, [("a", 1, 0, 0, 9, 9), ("b", 2, 0, 0, 9, 9)])
    labels = {"a": enlarged(CAT), "b": enlarged(DOG)}
    points, on = [], ["--catalogue", str(folder)]
    for iterations in (0, 2):
        store = write_predictions(tmp_path / f"{iterations}.zarr", folder, labels, labels)
        zarr.open_group(store).attrs.update({"crf": {"iterations": iterations}})
        values = {"inference.crf.iterations": iterations}
        points.append({"experiment": "x", "values": values, "predictions": [str(store)]})
        for name, command in (("e", ["evaluation"]), ("t", ["trimap", "measure"])):
            out = str(tmp_path / f"{name}{iterations}.csv")
            main([*command, *on, "--predictions", str(store), "--out", out])
            assert ("with CRF" in capsys.readouterr().err) == (iterations > 0)
    text = json.dumps({"points": points})
    main(["search", *on, "--points", text, "--held-out", "1", "--out", str(tmp_path / "search.csv")])
    assert capsys.readouterr().err.count("with CRF") == 1
    table = pd.read_csv(tmp_path / "search.csv")
    refined = [name for name in table if name.endswith("_crf")]
    assert refined == ["mean_iou_crf", "boundary_iou_crf", "boundary_f_crf"]
    assert table[refined].isna().all(axis=1).tolist() == [True, False]
    assert table["mean_iou"].notna().all()


NOTHING = [[0] * 4] * 4
VOIDED = [[0, 0, 255, 255]] * 4  # black and white, as of a mask that has 255 for the class


@pytest.mark.slow
@pytest.mark.parametrize("mask", [NOTHING, VOIDED])
def test_on_background_alone_no_command_has_a_score(
    split: Split, tmp_path: Path, capsys: pytest.CaptureFixture[str], mask: list[list[int]]
) -> None:
    boxes = [("a", 1, 0, 0, 20, 20), ("b", 2, 0, 0, 20, 20)]
    folder = split({"a": enlarged(mask), "b": enlarged(mask)}, boxes)
    right = {image: enlarged(NOTHING) for image in ("a", "b")}
    store = write_predictions(tmp_path / "p.zarr", folder, right, right)
    model = tmp_path / "model.pt"
    save_checkpoint(
        model, Checkpoint("mobilenet_v2", ("background", "cat", "dog"), build_network("mobilenet_v2", 3), 0, {})
    )
    labels = write_generation(tmp_path / "1.zarr", folder, 1, right, [0, 0], [0, 0])
    points = {"points": [{"experiment": "x", "values": {"update.k": 1}, "predictions": [str(store)]}]}
    on, predicted = ["--catalogue", str(folder)], ["--predictions", str(store)]
    commands = {
        "evaluation": ["evaluation", *on, *predicted],
        "validate": ["validate", *on, "--model", str(model), "--inference", '{"threads": 1}'],
        "trimap": ["trimap", "measure", *on, *predicted],
        "search": ["search", *on, "--points", json.dumps(points), "--held-out", "1"],
        "quality": ["label-quality", *on, "--labels", str(labels)],
    }
    for name, command in commands.items():
        main([*command, "--out", str(tmp_path / f"{name}.csv")])
        told = capsys.readouterr().err
        assert "show no class, only background or void" in told or "shows no class" in told
        assert "nan" not in told
        assert "100.0" not in told
    fits = ["boundary_iou", "boundary_f"]
    for name, columns in (("evaluation", ["iou", "iou_crf", *fits]), ("validate", ["iou"]), ("search", ["mean_iou"]),
                          ("quality", ["miou", "fill", *fits])):  # fmt: skip
        table = pd.read_csv(tmp_path / f"{name}.csv")
        assert table[columns].isna().all(axis=None)
        assert table["note"].iloc[-1].startswith("not measured: the true mask")
    assert pd.read_csv(tmp_path / "trimap.csv").empty


def test_a_class_that_the_truth_does_not_show_is_counted_apart(split: Split, tmp_path: Path) -> None:
    folder = split({"a": enlarged(CAT)}, [("a", 1, 10, 10, 30, 30)])
    found = {"a": enlarged([[0, 0, 0, 2], [0, 1, 1, 0], [0, 1, 1, 0], [0] * 4])}  # one of 12 squares taken for dog
    store = write_predictions(tmp_path / "p.zarr", folder, found, {"a": enlarged(CAT)})
    out = tmp_path / "e.csv"
    main(["evaluation", "--catalogue", str(folder), "--predictions", str(store), "--out", str(out)])
    table = pd.read_csv(out).set_index("class")
    np.testing.assert_allclose(table["iou"], [9 / 10, 1, np.nan, 0.95], atol=5e-7)
    assert table["note"].to_dict()["dog"] == "not measured: no pixel in the true masks"
    assert table["classes"].unique().tolist() == [1]


def test_without_masks_a_point_of_the_learning_curve_is_empty_and_stops_nothing(split: Split, tmp_path: Path) -> None:
    folder = split({"a": None}, [("a", 1, 0, 0, 2, 2)])
    model = tmp_path / "model.pt"
    save_checkpoint(
        model, Checkpoint("mobilenet_v2", ("background", "cat", "dog"), build_network("mobilenet_v2", 3), 0, {})
    )
    arguments = ["--catalogue", str(folder), "--model", str(model), "--inference", '{"threads": 1}']
    main(["validate", *arguments, "--out", str(tmp_path / "val.csv")])
    table = pd.read_csv(tmp_path / "val.csv")
    assert table["iou"].isna().all()
    assert table["note"].iloc[-1] == "not measured: no image has a true mask"


@pytest.mark.slow  # processes start
def test_tables_are_the_same_from_any_number_of_processes(
    split: Split, tmp_path: Path, processes: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("quality", "predicted"):
        monkeypatch.setattr(f"boxsup.evaluation.{module}.BATCH", 1)
    masks = {f"{number}": enlarged(CAT if number % 2 else DOG) for number in range(7)}
    folder = split(masks | {"unmasked": None}, [(image, 1, 0, 0, 9, 9) for image in [*masks, "unmasked"]])
    labels = {image: np.roll(mask, int(image), 1).tolist() for image, mask in masks.items()}
    predictions = write_predictions(tmp_path / "p.zarr", folder, labels, masks)
    generation = tmp_path / "g.zarr"
    write_generation(generation, folder, 1, labels | {"unmasked": [[1] * 4] * 4}, [0] * 8, [0] * 8)
    points = json.dumps({"points": [{"experiment": "a", "values": {"k": 1}, "predictions": [str(predictions)]}]})
    stages = [
        ["evaluation", "--predictions", str(predictions)],
        ["trimap", "measure", "--predictions", str(predictions)],
        ["search", "--points", points, "--held-out", "5", "--held-out-seed", "1"],
        ["label-quality", "--labels", str(generation)],
    ]
    for stage in stages:
        made = [tmp_path / f"{workers}.csv" for workers in (1, 2, 3)]
        for workers, out in enumerate(made, 1):
            main([*stage, "--catalogue", str(folder), "--workers", str(workers), "--out", str(out), "--overwrite"])
        assert set(processes) == {2, 3}
        processes.clear()
        assert made[0].read_bytes() == made[1].read_bytes() == made[2].read_bytes()
