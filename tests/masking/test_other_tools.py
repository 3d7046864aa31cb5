"""What `boxsup masks` writes, read by Datumaro and Label Studio's converter, which need an environment of their own."""

from __future__ import annotations

import json
import os
import subprocess
import urllib.parse
from pathlib import Path

import numpy as np
import pytest
from pycocotools.coco import COCO

from boxsup.cli import main
from boxsup.image.files import read_mask
from boxsup.writers.label_studio import runs
from helpers import own_data
from helpers.networks import write_object_network
from helpers.paths import ROOT

pytestmark = pytest.mark.slow  # candidates are made

READERS = Path(os.environ.get("BOXSUP_READERS", ROOT / ".venv-readers")) / "bin" / "python"
FORMATS = ["panoptic", "cityscapes", "label_studio", "labelme", "coco"]


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    """Three pictures with boxes as VOC's XML, and their masks in other formats."""
    home = tmp_path_factory.mktemp("tools")
    made = own_data.pictures(3)
    own_data.write_images(home / "images", made)
    own_data.write_voc_xml(home / "xml", made)
    network = write_object_network(home / "objects.pt")
    given = ["--images", f"{home}/images", "--boxes", f"{home}/xml", "--objects", str(network), "--workers", "1"]
    main(["masks", *given, "--proposals", "selective_search", "--out", f"{home}/out", "--format", *FORMATS])
    return home / "out"


@pytest.fixture(scope="module")
def annotations(out):
    """The name of each image -> its masks in COCO's JSON with their scores."""
    coco = COCO(str(out / "coco.json"))
    return {
        image["file_name"]: [
            (coco.annToMask(record) > 0, record["score"], coco.cats[record["category_id"]]["name"])
            for record in coco.loadAnns(coco.getAnnIds(imgIds=[number]))
        ]
        for number, image in coco.imgs.items()
    }


def in_readers(code, *arguments):
    """Run Python that has other tools' readers; what it prints, as JSON."""
    if not READERS.is_file():
        pytest.skip("no Datumaro and Label Studio converter (make readers; BOXSUP_READERS)")
    done = subprocess.run([READERS, "-c", code, *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_tasks_of_label_studio_are_sorted_by_their_worst_mask(out, annotations):
    tasks = json.loads((out / "label_studio" / "tasks.json").read_text())
    scores = [task["predictions"][0]["score"] for task in tasks]
    assert scores == sorted(scores)
    for task in tasks:
        own = annotations[urllib.parse.unquote(task["data"]["image"].partition("?d=")[2])]
        results = task["predictions"][0]["result"]
        ranked = sorted(own, key=lambda each: each[1])
        assert [result["score"] for result in results] == [score for _, score, _ in ranked]
        assert [result["value"]["rle"] for result in results] == [runs(mask) for mask, *_ in ranked]
        assert [result["value"]["brushlabels"] for result in results] == [[name] for *_, name in ranked]


def test_labelme_of_any_input_is_worst_first(out, annotations):
    for name, own in annotations.items():
        shapes = json.loads((out / "labelme" / name).with_suffix(".json").read_text())["shapes"]
        said = list(dict.fromkeys((shape["label"], shape["description"]) for shape in shapes))
        assert said == [(label, f"score {score:.2f}") for _, score, label in sorted(own, key=lambda each: each[1])]


def test_cityscapes_and_panoptic_show_the_same_pixels(out, annotations):
    panoptic = json.loads((out / "panoptic" / "annotations" / "panoptic_train.json").read_text())
    assert [image["file_name"] for image in panoptic["images"]] == list(annotations)
    for image, record in zip(panoptic["images"], panoptic["annotations"], strict=True):
        assert record["image_id"] == image["id"]
        city = out / "cityscapes" / "gtFine" / "train" / "images"
        labels = read_mask(city / f"{Path(image['file_name']).stem}_gtFine_labelIds.png")
        seen = np.any([mask for mask, *_ in annotations[image["file_name"]]], axis=0)
        np.testing.assert_array_equal(labels > 0, seen)
        assert sum(info["area"] for info in record["segments_info"]) == seen.sum()


ENCODE = """
import json, sys
import numpy as np
from label_studio_converter import brush
tasks = json.load(open(sys.argv[1]))
found = []
for task in tasks:
    for result in task["predictions"][0]["result"]:
        height, width, code = result["original_height"], result["original_width"], result["value"]["rle"]
        mask = brush.decode_rle(code).reshape(height, width, 4)[..., 3]
        found.append([int((mask > 0).sum()), bool(brush.mask2rle(mask) == code)])
print(json.dumps(found))
"""


def test_label_studios_converter_reads_our_runs_and_writes_the_same(out, annotations):
    found = in_readers(ENCODE, out / "label_studio" / "tasks.json")
    assert all(same for _, same in found)
    areas = sorted(int(mask.sum()) for own in annotations.values() for mask, *_ in own)
    assert sorted(area for area, _ in found) == areas


DATUMARO = """
import json, sys
import datumaro as dm
data = dm.Dataset.import_from(sys.argv[1], sys.argv[2])
names = [label.name for label in data.categories()[dm.AnnotationType.label]]
print(json.dumps({item.id: sorted([names[each.label], int(each.image.sum())] for each in item.annotations
                                  if each.type == dm.AnnotationType.mask) for item in data}))
"""


def test_datumaro_reads_panoptic_masks_and_cocos(out, annotations, tmp_path):
    """It wants the images beside the annotations, in COCO's folders."""
    (tmp_path / "coco" / "annotations").mkdir(parents=True)
    (tmp_path / "panoptic").mkdir()
    (tmp_path / "coco" / "annotations" / "instances_train.json").symlink_to(out / "coco.json")
    (tmp_path / "panoptic" / "annotations").symlink_to(out / "panoptic" / "annotations")
    for tree in ("coco", "panoptic"):
        (tmp_path / tree / "images").mkdir()
        (tmp_path / tree / "images" / "train").symlink_to(out.parent / "images")
    masks = {Path(name).stem: sorted([label, int(mask.sum())] for mask, _, label in own)
             for name, own in annotations.items()}  # fmt: skip
    assert in_readers(DATUMARO, tmp_path / "coco", "coco_instances") == masks
    content = json.loads((out / "panoptic" / "annotations" / "panoptic_train.json").read_text())
    names = {category["id"]: category["name"] for category in content["categories"]}
    visible = {Path(record["file_name"]).stem: sorted([names[info["category_id"]], info["area"]]
               for info in record["segments_info"]) for record in content["annotations"]}  # fmt: skip
    assert in_readers(DATUMARO, tmp_path / "panoptic", "coco_panoptic") == visible
