"""A split at the edge of sense, through all stages: one pixel, an image without boxes, a class that nothing has."""

import json
from typing import get_args

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

import boxsup
from boxsup.catalogue.tables import read_catalogue
from boxsup.cli import main
from boxsup.config.inference import CrfSettings
from boxsup.config.params import generation_settings
from boxsup.config.training import NetworkSettings
from boxsup.image.files import write_mask
from boxsup.network import build_network

pytestmark = pytest.mark.slow  # every stage runs on images of odd sizes

CLASSES = ["cat", "never"]
NETWORKS = get_args(NetworkSettings.model_fields["name"].annotation)
NETWORK = {"name": "mobilenet_v2", "weights": "none", "sha256": ""}
SIZES = {"one": (1, 1), "row": (1, 40), "none": (20, 30), "whole": (24, 24)}
BOXES = {"one": (1, 1, 1, 1), "row": (3, 1, 9, 1), "whole": (1, 1, 24, 24)}  # VOC's corners; "none" has no box
XML = "<annotation>{}</annotation>"
OBJECT = (
    "<object><name>cat</name><bndbox><xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax><ymax>{}</ymax></bndbox></object>"
)


def run(*words, **options):
    main([*map(str, words), *(str(part) for key, value in options.items() for part in (f"--{key}", value))])


@pytest.fixture(scope="module")
def folder(tmp_path_factory, config):
    """What each stage makes of the split; the catalogue is also what is evaluated."""
    folder = tmp_path_factory.mktemp("edges")
    root = folder / "tree"
    for name in ("ImageSets/Segmentation", "JPEGImages", "Annotations", "SegmentationClass"):
        (root / name).mkdir(parents=True)
    for image, size in SIZES.items():
        pixels = np.random.default_rng(0).integers(0, 255, (*size, 3), np.uint8)
        Image.fromarray(pixels).save(root / f"JPEGImages/{image}.jpg")
        objects = OBJECT.format(*BOXES[image]) if image in BOXES else ""
        (root / f"Annotations/{image}.xml").write_text(XML.format(objects))
        mask = np.zeros(size, np.uint8)
        if image in BOXES:
            x0, y0, x1, y1 = BOXES[image]
            mask[y0 - 1 : y1, x0 - 1 : x1] = 1
        write_mask(root / f"SegmentationClass/{image}.png", mask)
    (root / "ImageSets/Segmentation/train.txt").write_text("\n".join(SIZES))
    split = json.dumps({"list": "train", "masks": "SegmentationClass"})
    tables = folder / "catalogue"
    options = {"format": "voc", "root": root, "split": split, "classes": json.dumps(CLASSES), "on-problem": "stop"}
    run("catalogue", **options, out=tables)
    proposals, overlaps = folder / "mcg.zarr", folder / "overlaps.zarr"
    run("proposals", "make", catalogue=tables, settings=json.dumps(config["proposals"]["mcg"]), out=proposals)
    run("overlaps", catalogue=tables, proposals=proposals, out=overlaps)
    for kind in ("truth", "rectangles", "grabcut", "bbox_seg"):
        run("fixed-masks", catalogue=tables, kind=kind, out=folder / f"{kind}.zarr")
    run("network", catalogue=tables, seed=0, settings=json.dumps(NETWORK), out=folder / "epochs/000/model.pt")
    update = generation_settings(config["defaults"]["update"])
    made = {
        "catalogue": tables,
        "seed": 0,
        "settings": json.dumps(update),
        "proposals": proposals,
        "overlaps": overlaps,
    }
    run("labels", **made, generation=1, out=folder / "001.zarr")
    training = {"catalogue": tables, "labels": folder / "001.zarr", "model": folder / "epochs/000/model.pt", "seed": 0}
    small = config["defaults"]["training"] | {"batch": 2, "crop": 33, "threads": 1}
    small.pop("workers")
    training |= {"training": json.dumps(small), "schedule": json.dumps(config["defaults"]["schedule"])}
    run("epoch", **training, epoch=1, out=folder / "epochs/001")
    model = folder / "epochs/001/model.pt"
    run("labels", **made, generation=2, model=model, out=folder / "002.zarr")
    asked = json.dumps({"threads": 1, "crf": config["defaults"]["inference"]["crf"]})
    run("predictions", catalogue=tables, model=model, inference=asked, workers=1, out=folder / "predictions.zarr")
    run("evaluation", catalogue=tables, predictions=folder / "predictions.zarr", out=folder / "evaluation.csv")
    return folder


STORES = ["truth", "rectangles", "grabcut", "bbox_seg", "001", "002", "predictions"]


@pytest.mark.parametrize("store", STORES)
def test_each_stage_has_a_map_of_each_images_size(folder, store):
    labels = boxsup.open_labels(folder / f"{store}.zarr")
    assert {image: labels[image].shape for image in labels} == SIZES


@pytest.mark.parametrize("store", ["rectangles", "grabcut", "bbox_seg", "001", "002"])
def test_an_image_without_boxes_is_background(folder, store):
    assert not boxsup.open_labels(folder / f"{store}.zarr")["none"].any()


@pytest.mark.parametrize("store", ["rectangles", "grabcut", "bbox_seg", "001", "002"])
def test_an_object_of_one_pixel_is_that_pixel(folder, store):
    assert boxsup.open_labels(folder / f"{store}.zarr")["one"].tolist() == [[1]]


def test_a_class_without_an_object_is_learned_as_absent_and_left_out_of_the_mean(folder):
    scores = pd.read_csv(folder / "evaluation.csv").set_index("class")
    predicted = boxsup.open_labels(folder / "predictions.zarr")
    seen = any((predicted[image] == 2).any() for image in predicted)
    value = scores.loc["never", "iou"]
    assert value == 0 if seen else np.isnan(value)
    assert scores.loc["mean", "iou"] == pytest.approx(
        scores.loc[["background", "cat", "never"], "iou"].mean(), abs=1e-6
    )


def test_the_catalogue_has_them_all(folder):
    catalogue = read_catalogue(folder / "catalogue")
    assert catalogue.ids == list(SIZES)
    assert catalogue.boxes_of("none").empty


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_takes_one_pixel(name):
    if name == "smp":  # not on meta, since smp makes some of its values on the CPU
        network = build_network("smp:unet:resnet18:32", 3).eval()
        assert network(torch.zeros(1, 3, 1, 1)).shape[:2] == (1, 3)
        return
    with torch.device("meta"):
        network = build_network(name, 3).eval()
        assert network(torch.zeros(1, 3, 1, 1)).shape[:2] == (1, 3)


def test_the_crf_takes_one_pixel():
    from boxsup.inference.crf import crf_marginals

    crf = CrfSettings(
        iterations=5,
        spatial_xy=3.0,
        spatial_weight=3.0,
        bilateral_xy=50.0,
        bilateral_rgb=3.0,
        bilateral_weight=5.0,
        least_probability=0.0,
    )
    found = crf_marginals(
        np.zeros((1, 1, 3), np.uint8), np.log(np.array([0.25, 0.75], np.float32)).reshape(2, 1, 1), crf
    )
    assert found.sum() == pytest.approx(1)
