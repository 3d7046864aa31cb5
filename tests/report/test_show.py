from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from boxsup.cli import main
from boxsup.image.drawing import outlines, with_caption
from boxsup.image.files import read_image
from boxsup.report.experiment.generation_picture import Generation, choices, picture
from helpers.results_tree import write_generation

if TYPE_CHECKING:
    from helpers.results_tree import Tree


def test_pictures_are_enlarged_and_their_paths_printed(tree: Tree, capsys: pytest.CaptureFixture[str]) -> None:
    store = tree.seed() / "labels/001.zarr"
    capsys.readouterr()
    main(["show", str(store), "train_002", "train_001"])
    assert capsys.readouterr().out.split() == ["show/train_002.png", "show/train_001.png"]
    shown = read_image("show/train_002.png")
    assert shown.shape[1] == 64 * 10
    assert shown.shape[0] > 48 * 10
    main(["show", str(store), "train_003", "--out", "one.png"])
    assert read_image("one.png").shape[1] == 640


def test_the_caption_names_each_choice(tree: Tree) -> None:
    generation = Generation.open(tree.seed() / "labels/001.zarr")
    boxes = generation.catalogue.boxes.iloc[:3]
    assert list(choices(generation, boxes, ["1 a", "2 b", "3 c"])) == [
        "1 a: not used in training",
        "2 b: no candidate fits: its rectangle is used",
        "3 c: candidate 1, rank 1, overlap cost 0.25, regression cost -0.50, expected IoU 0.75",
    ]


def test_the_chosen_segment_is_outlined_in_its_classs_colour(tree: Tree) -> None:
    generation = Generation.open(tree.seed() / "labels/001.zarr")
    sheet = np.asarray(picture(generation, "train_002"))
    # candidate 1 is the right half: its lower border runs below the box, along the picture's last rows
    assert (sheet[477:480, 340:630] == (128, 0, 0)).all(axis=-1).any(axis=0).mean() > 0.9
    assert not (sheet[477:480, 10:300] == (128, 0, 0)).all(axis=-1).any()


def test_a_candidate_that_is_there_no_more_is_not_outlined(tree: Tree) -> None:
    store = write_generation(tree, 0, 1, chose={2: 40})  # the two candidates of today were made again
    sheet = np.asarray(picture(Generation.open(store), "train_002"))
    assert not (sheet[477:480, 340:630] == (128, 0, 0)).all(axis=-1).any()


def test_an_unknown_image_names_its_neighbours(tree: Tree, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["show", str(tree.seed() / "labels/001.zarr"), "train_0002"])
    error = capsys.readouterr().err
    assert "train_0002: no such image in this generation; did you mean train_002 or" in error
    assert not Path("show").exists()


def test_what_is_no_generation_is_refused(tree: Tree, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["show", str(tree.seed() / "predictions/002.zarr"), "val_000"])
    assert "not a generation of pseudo-masks" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["show", str(tree.seed() / "labels/001.zarr"), "train_001", "train_002", "--out", "a.png"])
    assert "one file for 2 images; name a folder" in capsys.readouterr().err


def test_outlines_of_a_ring_are_two_and_scale() -> None:
    ring = np.zeros((7, 7), bool)
    ring[1:6, 1:6] = True
    ring[3, 3] = False
    inner, outer = sorted(outlines(np.kron(ring, np.ones((10, 10), bool))), key=np.ptp)
    assert (outer.min(), outer.max()) == (10, 59)
    assert inner.min() >= 29
    assert inner.max() <= 40


def test_long_captions_are_broken_between_words() -> None:
    image = Image.new("RGB", (120, 10))
    short, long = with_caption(image, ["one"], 15), with_caption(image, ["one two three four five six seven"], 15)
    assert short.width == long.width == 120
    assert long.height > short.height
