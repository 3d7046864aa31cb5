from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

from boxsup.catalogue.in_both import images_in_both
from boxsup.catalogue.tables import read_catalogue
from boxsup.cli import main
from boxsup.evaluation.held_out import draw_held_out
from boxsup.image.files import read_image, read_mask
from boxsup.image.palette import overlay
from boxsup.store.labels import Labels
from helpers.pages import SCRIPT, Page
from helpers.results_tree import CLASSES, Tree, write_run, write_split

pytestmark = pytest.mark.slow  # pages are made and read


def test_the_page_is_well_formed_and_asks_for_nothing_else(tree: Tree, tmp_path: Path) -> None:
    text = tree.report()
    page = Page(text)
    assert page.open == []
    assert not page.tags & {"iframe", "link", "object", "embed"}
    assert page.scripts == [page.scripts[0], SCRIPT]
    assert all(load.startswith("#") for load in page.loads)
    assert not re.findall(r"url\((?!#)|@import", text)
    assert len(page.ids) == len(set(page.ids))
    assert {anchor[1:] for anchor in page.anchors if anchor.startswith("#")} <= set(page.ids)
    assert len(text) < 3e6
    assert str(tmp_path) not in text


def test_numbers_on_the_page_are_those_of_the_tables(tree: Tree) -> None:
    page = Page(tree.report())
    table = pd.read_csv(tree.seed() / "evaluation/002.csv")
    rows = {row[0]: row for row in reversed(page.rows)}
    for _, line in table.iterrows():
        assert rows[line["class"]][1:3] == [f"{100 * line[column]:.1f}" for column in ("iou", "iou_crf")]
        fits = [100 * line[column] for column in ("boundary_iou_crf", "boundary_f_crf")]
        assert rows[line["class"]][-2:] == ["–" if np.isnan(fit) else f"{fit:.1f}" for fit in fits]
    mean = table.iloc[-1]
    for title, column in (("Boundary IoU", "boundary_iou"), ("Boundary F", "boundary_f")):
        assert [title, *(f"{100 * mean[f'{column}{end}']:.1f}" for end in ("", "_crf"))] in page.rows
    quality = pd.concat(pd.read_csv(tree.seed() / f"labels/{number:03d}.csv") for number in (1, 2))
    for _, line in quality.iterrows():
        changed = "–" if np.isnan(line["changed"]) else f"{100 * line['changed']:.1f}"
        scores = [f"{100 * line[name]:.1f}" for name in ("miou", "boundary_iou", "boundary_f")]
        shown = [*scores, f"{line['fill']:.2f}", f"{line['box_fill']:.2f}", changed]
        assert rows[f"{line['generation']:.0f}"][1:8] == [f"{line['boxes']:.0f}", *shown]
    for fact in (["Training images", "5 (train)"], ["Images that train on their true mask", "1"], ["numpy", "1.99.0"]):
        assert fact in page.rows
    assert ["Pretrained weights, sha256", "ab" * 32] in page.rows
    assert ["Evaluated checkpoint, sha256", "cd" * 32] in page.rows
    assert "policy: poly" in page.text


def test_a_collapse_is_announced(tree: Tree) -> None:
    # Of the supervised boxes the first generation labels every other row, the second two of three.
    text = Page(tree.report()).text
    fills = [pd.read_csv(tree.seed() / f"labels/{number:03d}.csv")["box_fill"].iloc[0] for number in (1, 2)]
    said = f"generation 2 fills {fills[1]:.2f} of its boxes, generation 1 filled {fills[0]:.2f}: objects grow"
    assert f"Seed 0: {said}" in text
    assert "generation 1 fills" not in text


def test_boundaries_have_a_chart_where_they_were_measured(tree: Tree) -> None:
    chart = "Mean IoU by the width of a band around true boundaries"
    assert chart in tree.report()
    shutil.rmtree(tree.seed() / "trimap")
    text = tree.report()
    assert chart not in text
    assert "boundaries" in Page(text).ids  # boundary IoU and F are there all the same


def test_the_error_analysis_of_two_experiments_stands_on_one_page(tree: Tree) -> None:
    write_run(tree, 1)
    tables = [str(tree.seed(seed) / "trimap/002.csv") for seed in (0, 1)]
    experiments = {"one": tables[:1], "both": tables}
    config = {name: {"evaluated": "demo, val", "refined": True, "tables": paths} for name, paths in experiments.items()}
    arguments = ["--config", json.dumps({"experiments": config}), "--out", "trimap.html"]
    main(["trimap", "plot", *arguments])
    page = Page(Path("trimap.html").read_text(encoding="utf-8"))
    assert "Mean IoU, with CRF, of the pixels" in page.text
    assert not page.loads
    assert "stroke-dasharray" in Path("trimap.html").read_text(encoding="utf-8")
    band = [pd.read_csv(path)["band_crf"].iloc[0] for path in tables]
    rows = {row[0]: row for row in page.rows if row}
    assert rows["one"][1:4] == ["demo, val", "1", f"{100 * band[0]:.1f}"]
    assert rows["both"][1:4] == ["demo, val", "2", f"{100 * np.mean(band):.1f}"]
    for without in (["one"], ["one", "both"]):
        config |= {name: config[name] | {"refined": False} for name in without}
        main(["trimap", "plot", "--config", json.dumps({"experiments": config}), "--out", "none.html"])
        text = Page(Path("none.html").read_text(encoding="utf-8")).text
        assert f"No dense CRF refines the predictions of {', '.join(without)} (" in text
        assert ("with CRF" in text) == (without == ["one"])


def test_a_figure_holds_five_experiments_at_most(capsys: pytest.CaptureFixture[str]) -> None:
    config = {"experiments": {str(i): {"evaluated": "", "refined": True, "tables": []} for i in range(6)}}
    with pytest.raises(SystemExit):
        main(["trimap", "plot", "--config", json.dumps(config), "--out", "trimap.html"])
    assert "expected one to 5 experiments, got 6" in capsys.readouterr().err


def test_several_seeds_give_mean_and_spread(tree: Tree) -> None:
    tree.config["experiment"]["seeds"] = [0, 1]
    write_run(tree, 1)
    scores = np.array([pd.read_csv(tree.seed(seed) / "evaluation/002.csv")["iou"].iloc[-1] for seed in (0, 1)])
    assert scores[0] != scores[1]
    expected = f"{100 * scores.mean():.1f} ± {100 * abs(scores[1] - scores[0]) / 2**0.5:.1f}"
    page = Page(tree.report())
    assert next(row for row in page.rows if row[0] == "mean")[1] == expected
    assert "over 2 seeds" in page.text


@pytest.mark.parametrize(
    ("kind", "badge"),
    [("shapes", "demo data, not PASCAL VOC"), ("voc", "a subset in VOC layout: scores are not VOC scores")],
)
def test_scores_that_are_not_vocs_say_so(tree: Tree, kind: str, badge: str) -> None:
    tree.config["dataset"]["format"] = kind
    assert badge in Page(tree.report()).text


def test_own_data_are_not_taken_for_vocs_and_boxes_alone_say_that_nothing_is_measured(tree: Tree) -> None:
    tree.config["dataset"]["format"] = "yolo"
    assert "badge" not in Page(tree.report()).ids
    images = pd.read_csv(tree.val / "images.csv").assign(mask="")
    images.to_csv(tree.val / "images.csv", index=False)
    tree.evaluate(0)
    page = Page(tree.report())
    assert "no true masks: nothing is measured" in page.text
    assert "not measured" in page.text
    assert "no image has a true mask" in page.text
    assert "boundaries" not in page.ids


def test_the_headline_says_what_it_is_over(tree: Tree) -> None:
    page = Page(tree.report())
    assert "4 images, 4 objects, 2 of 2 classes and the background" in page.text
    assert "true masks, over 4 images, 4 objects, 2 classes." in re.sub(r"\s+", " ", page.text)
    for mask in sorted((tree.val / "files").glob("*-mask.png"))[1::2]:  # every other image shows a dog
        Image.fromarray(np.where(read_mask(mask) == 2, 0, read_mask(mask)).astype(np.uint8)).save(mask)
    tree.evaluate(0)
    page = Page(tree.report())
    assert "4 images, 4 objects, 1 of 2 classes and the background" in page.text
    assert "not measured: dog <b> (no pixel in the true masks)" in page.text
    assert next(row for row in page.rows if row[0] == "dog <b>")[1:3] == ["–", "–"]
    pictures = json.loads(page.scripts[0])["predictions"]["pictures"]
    assert [picture["score"] is None for picture in pictures] == [False, True] * 2


@pytest.mark.parametrize("value", [0, 255])
def test_a_perfect_score_over_the_background_alone_is_none(tree: Tree, value: int) -> None:
    for mask in (tree.val / "files").glob("*-mask.png"):
        Image.fromarray(np.where(read_mask(mask) > 0, value, 0).astype(np.uint8)).save(mask)
    tree.evaluate(0)
    for path in tree.seed().glob("epochs/*/val.csv"):
        pd.read_csv(path).assign(iou=np.nan).to_csv(path, index=False)
    text = tree.report()
    page = Page(text)
    words = re.sub(r"\s+", " ", page.text)
    assert "not measured" in words
    assert "the true masks of 4 images show no class, only background or void" in words
    assert "No scores during training: nothing is measured." in words
    assert not {"miou-crf", "over", "boundaries", "confusion"} & set(page.ids)
    assert [row for row in page.rows if row[0] in (*CLASSES, "mean")] == []  # no table of dashes
    assert "nan" not in words.lower().replace("name", "")
    pictures = json.loads(page.scripts[0])["predictions"]["pictures"]
    assert {picture["score"] for picture in pictures} == {None}


def test_an_evaluation_that_does_not_say_what_it_is_over_is_made_again(
    tree: Tree, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tree.seed() / "evaluation/002.csv"
    pd.read_csv(path).drop(columns=["objects", "classes", "note"]).to_csv(path, index=False)
    with pytest.raises(SystemExit):
        tree.report()
    assert "002.csv: lacks columns of an evaluation; make it again" in capsys.readouterr().err


def test_another_process_writes_the_same_bytes_without_torch(tree: Tree) -> None:
    first, out = tree.report(), Path("again.html")
    code = "import sys; from boxsup.cli import main; main(sys.argv[1:]); sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code, *tree.arguments(out)], check=True, capture_output=True)
    assert out.read_text(encoding="utf-8") == first


def test_what_is_missing_is_said_and_not_fatal(tree: Tree) -> None:
    for path in [*tree.seed().glob("epochs/*/*.csv"), *tree.seed().glob("labels/*.csv")]:
        path.unlink()
    shutil.rmtree(tree.seed() / "labels")
    page = Page(tree.report())
    for sentence in ("No training log was found", "only the last epoch was evaluated", "No quality tables"):
        assert sentence in page.text
    assert "Image by image" not in page.text


def test_one_generation_and_no_true_masks_in_training(tree: Tree) -> None:
    several = " ".join(Page(tree.report()).text.split())
    for folder in (tree.train, tree.val, tree.seed()):
        shutil.rmtree(folder)
    tree.masked, tree.epochs = 0, 1
    write_split(tree.train, 5, masks=False)
    write_split(tree.val, 1)
    write_run(tree, 0)
    log = tree.seed() / "epochs/001/train.csv"
    pd.read_csv(log).iloc[:1].to_csv(log, index=False)
    page = Page(tree.report())
    text = " ".join(page.text.split())
    assert "There is one generation: boxes chose once." in text
    assert "All 1 generation" not in text
    for told in ("Changed: boxes that chose another candidate", "those whose labels changed most"):
        assert told in several
        assert told not in text
    assert "Training loss over 1 iteration." in text
    assert "The evaluated image, seed 0." in text
    assert "over 60 iterations; each point averages" in several
    assert "All 4 evaluated images, seed 0." in several
    tree.config["experiment"]["supervision"]["boxes"] = "rectangles"
    assert "They are made once and never change" in Page(tree.report()).text
    assert "so mIoU and fill are unknown" in page.text


def test_a_missing_evaluation_is_one_line(tree: Tree, capsys: pytest.CaptureFixture[str]) -> None:
    (tree.seed() / "evaluation/002.csv").unlink()
    with pytest.raises(SystemExit):
        tree.report()
    assert "evaluation/002.csv: no such table; make it with Snakemake" in capsys.readouterr().err


def test_names_are_escaped(tree: Tree) -> None:
    text = tree.report()
    assert html.escape(CLASSES[2]) in text
    assert CLASSES[2] not in text


@pytest.mark.parametrize(("text", "message"), [("{", "not JSON"), ("{}", "the key 'experiment' is missing")])
def test_a_wrong_config_is_one_line(text: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--experiment", "x", "--train", "t", "--val", "v", "--folder", "f", "--epochs", "1", "--out", "o"]
    with pytest.raises(SystemExit):
        main(["report", "--config", text, *arguments])
    assert message in capsys.readouterr().err


def test_held_out_images_are_no_part_of_what_is_shown(tree: Tree) -> None:
    tree.config["experiment"]["validation"] |= {"held_out": 1, "held_out_seed": 3}
    drawn = draw_held_out(read_catalogue(tree.val), 1, 3).ids[0]
    text = tree.report()
    page = Page(text)
    assert ["Evaluated images", "3 (val without 1 held out)"] in page.rows
    assert "over the evaluated split without its held-out images (1), which" in re.sub(r"\s+", " ", page.text)
    assert drawn not in text
    assert "crf" not in page.ids


def test_a_search_for_the_crfs_weights_has_its_section(tree: Tree) -> None:
    experiment = tree.config["experiment"]
    experiment["validation"]["held_out"] = 1
    columns = ["round", "bilateral_weight", "bilateral_xy", "bilateral_rgb", "mean_iou"]
    over = {"images": 3, "objects": 5, "classes": 1}
    points = [(1, 5, 50, 3, 0.5), (1, 10, 50, 3, 0.625), (2, 10, 55, 3.5, 0.75), (2, 10, 45, 3.5, 0.7)]
    path = tree.seed() / "crf_search/002.csv"
    path.parent.mkdir()
    pd.DataFrame(points, columns=columns).assign(**over).to_csv(path, index=False)
    text = tree.report()
    page = Page(text)
    assert "Scores are over 3 images, 5 objects, 1 class." in page.text
    assert ["0", "1", "2", "10", "50", "3", "62.5"] in page.rows
    assert ["0", "2", "2", "10", "55", "3.5", "75.0"] in page.rows
    assert [row[0] for row in page.rows if row[-1] in ("75.0", "70.0", "62.5", "50.0")][-4:] == ["2", "2", "1", "1"]
    [pasted] = re.findall(r"<pre>(inference:.+?)</pre>", text, re.DOTALL)
    found = {"bilateral_weight": 10, "bilateral_xy": 55, "bilateral_rgb": 3.5}
    assert yaml.safe_load(pasted) == {"inference": {"crf": found}}
    experiment["inference"]["crf"] |= found
    assert "The experiment already uses the best values." in Page(tree.report()).text
    experiment["validation"]["held_out"] = 0
    assert "crf" not in Page(tree.report()).ids


def test_without_a_crf_the_page_has_each_score_once(tree: Tree) -> None:
    experiment = tree.config["experiment"]
    experiment["inference"]["crf"]["iterations"] = 0
    page = Page(tree.report())
    words = re.sub(r"\s+", " ", page.text)
    assert "No dense CRF refines the predictions" in words
    assert "with CRF" not in words
    assert "without CRF" not in words.replace("on the evaluated split, without CRF", "")  # the curve never has one
    assert {"miou", "boundaries"} <= set(page.ids)
    assert "miou-crf" not in page.ids
    data = json.loads(page.scripts[0])
    assert data["refined"] is False
    experiment["inference"]["crf"]["iterations"] = 3
    assert "No dense CRF" not in Page(tree.report()).text


def test_searches_over_settings_are_shown_from_the_best_point_on(tree: Tree) -> None:
    table = pd.DataFrame(
        [(0.25, "own_1", 2, 0.5, 0.625, 0.2, 0.25, 0.3, 0.375), (1.0, "own_2", 2, 0.625, 0.75, 0.4, 0.5, 0.6, 0.625)],
        columns=["update.lambda", "experiment", "seeds", "mean_iou", "mean_iou_crf", "boundary_iou", "boundary_iou_crf",
                 "boundary_f", "boundary_f_crf"],
    )  # fmt: skip
    table.assign(images=3, objects=0, classes=2, note="").to_csv(tree.folder / "search.csv", index=False)
    searches = json.dumps({"own": str(tree.folder / "search.csv"), "not_made": "nowhere.csv"})
    page = Page(tree.report("--searches", searches))
    assert page.open == []
    shown = [row for row in page.rows if row[1:2] in (["own_1"], ["own_2"])]
    assert shown == [
        ["1.0", "own_2", "2", "62.5", "75.0", "50.0", "62.5"],
        ["0.25", "own_1", "2", "50.0", "62.5", "25.0", "37.5"],
    ]
    assert "Scores are over 3 images, 2 classes." in page.text
    assert "not_made" not in page.text
    table.loc[1, ["mean_iou_crf", "boundary_iou_crf", "boundary_f_crf"]] = np.nan  # a point without a CRF
    table.assign(images=3, objects=0, classes=2, note="").to_csv(tree.folder / "search.csv", index=False)
    [first, _] = [row for row in Page(tree.report("--searches", searches)).rows if row[1:2] in (["own_1"], ["own_2"])]
    assert first == ["0.25", "own_1", "2", "50.0", "62.5", "25.0", "37.5"]
    table.loc[1, "mean_iou"] = 0.7
    table.assign(images=3, objects=0, classes=2, note="").to_csv(tree.folder / "search.csv", index=False)
    [first, _] = [row for row in Page(tree.report("--searches", searches)).rows if row[1:2] in (["own_1"], ["own_2"])]
    assert first == ["1.0", "own_2", "2", "70.0", "–", "–", "–"]
    assert "searches" not in Page(tree.report()).ids


def test_scores_over_other_images_are_not_compared_and_this_is_said(tree: Tree) -> None:
    table = pd.read_csv(tree.seed() / "evaluation/002.csv")
    for name, images in (("same", 4), ("fewer", 3)):
        path = tree.folder.with_name(name) / "seed-0/evaluation/002.csv"
        path.parent.mkdir(parents=True)
        table.assign(images=images).to_csv(path, index=False)
    others = {name: {"seeds": [0], "epochs": 2} for name in ("same", "fewer")}
    page = Page(tree.report("--beside", json.dumps(others)))
    assert list(json.loads(page.scripts[0])["beside"]) == ["same"]
    assert "over other images or classes, and are not compared: fewer." in page.text
    assert "apart" not in Page(tree.report()).ids


def test_of_very_many_images_the_extremes_and_some_others_are_shown(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"MAX_IMAGES": 2, "ALL_LARGE": 1, "MAX_LARGE": 1}.items():
        monkeypatch.setattr(f"boxsup.report.experiment.predictions.{name}", value)
    page = Page(tree.report())
    assert "2 of 4 evaluated images" in re.sub(r"\s+", " ", page.text)
    pictures = json.loads(page.scripts[0])["predictions"]["pictures"]
    assert len(pictures) == 2
    full = [picture["id"] for picture in pictures if picture["full"]]
    assert [path.stem for path in (tree.folder / "pictures").glob("[!.]*.jpg")] == full
    assert len(full) == 1


def test_pictures_at_full_size_stand_beside_the_page_photo_prediction_truth(tree: Tree) -> None:
    tree.report()
    catalogue, predictions = read_catalogue(tree.val), Labels(tree.seed() / "predictions/002.zarr", "labels_crf")
    assert sorted(path.name for path in (tree.folder / "pictures").glob("[!.]*.jpg")) == [
        f"{i}.jpg" for i in catalogue.ids
    ]
    for row in catalogue.rows():
        sheet = read_image(tree.folder / "pictures" / f"{row.image}.jpg").astype(int)
        photo, panels = read_image(row.path), 3 if row.mask else 2
        assert sheet.shape == (row.height, panels * row.width + (panels - 1) * 8, 3)
        own = sheet[:, row.width + 8 : 2 * row.width + 8]
        difference = np.abs(own - overlay(photo, predictions[row.image])).mean()
        assert difference < np.abs(own - photo).mean() / 2


def test_evaluated_images_that_are_trained_on_are_told(tree: Tree, capsys: pytest.CaptureFixture[str]) -> None:
    """As when a photograph is there twice, or somebody's lists share some: such a score means something else."""
    page = Page(tree.report())
    assert "trained-on" not in page.ids
    assert "trained on, too" not in capsys.readouterr().err
    train, val = read_catalogue(tree.train), read_catalogue(tree.val)
    shutil.copy(train.images["path"].iloc[2], val.images["path"].iloc[1])
    text = tree.report()
    count = len(val.ids)
    said = (
        f"1 of the {count} evaluated images is trained on, too ({val.ids[1]}): its scores say nothing about new images"
    )
    assert f'<p id="trained-on"><strong>{said}.</strong></p>' in text
    assert capsys.readouterr().err.rstrip().endswith(f" MB; {said}")


def test_images_are_in_both_splits_by_their_file_or_its_bytes(tree: Tree) -> None:
    train, val = read_catalogue(tree.train), read_catalogue(tree.val)
    assert images_in_both(train, val) == []
    assert images_in_both(train, train) == train.ids
    Path(val.images["path"].iloc[0]).unlink()
    shutil.copy(train.images["path"].iloc[0], val.images["path"].iloc[2])
    assert images_in_both(train, val) == [val.ids[2]]
