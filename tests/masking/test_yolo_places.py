"""YOLO's labels for boxes of other formats are where Ultralytics looks for them."""

import json
import os

import pytest
import yaml

from boxsup.masking.copies import MaskResults, stamps_of
from boxsup.masking.outputs import write_yolo
from helpers import own_data
from helpers.decided_masks import read_parts


def img2label_paths(paths):
    """As `ultralytics/data/utils.py` has it."""
    images, labels = f"{os.sep}images{os.sep}", f"{os.sep}labels{os.sep}"
    return [labels.join(path.rsplit(images, 1)).rsplit(".", 1)[0] + ".txt" for path in paths]


def write(folder, names):
    """Photographs by these names, COCO's JSON of them, and labels of YOLO's form in `out/yolo`; returns `data.yaml`."""
    made = list(own_data.pictures(len(names)).values())
    entries = {}
    for number, (name, each) in enumerate(zip(names, made, strict=True)):
        path = folder / "photos" / name.replace("\\", "/")
        own_data.write_images(path.parent, {path.stem: each})
        entries[str(number)] = each
    own_data.write_coco(folder / "boxes.json", entries)
    content = json.loads((folder / "boxes.json").read_text())
    for record, name in zip(content["images"], names, strict=True):
        record["file_name"] = name
    (folder / "boxes.json").write_text(json.dumps(content))
    source, parts = read_parts(folder / "photos", folder / "boxes.json")
    assert write_yolo(folder / "out", MaskResults(source, stamps_of(source), lambda: iter(parts))) == []
    return yaml.safe_load((folder / "out/yolo/data.yaml").read_text())


@pytest.mark.parametrize(
    ("names", "below", "train"),
    [
        (["a.png", "cam/b.png"], "images", "images"),
        (["images\\abc.png"], "", "images"),  # Label Studio's
        (["train/images/a.png", "valid/images/b.png", "valid/images/deep/c.png"], "", ["train/images", "valid/images"]),
        (["a.images/images/images/b.png"], "", "a.images/images/images"),
        (["a.png", "images/b.png"], "images", "images"),
        (["Images/a.png", "my images/b.png"], "images", "images"),
    ],
)
def test_labels_are_where_ultralytics_looks_for_them(tmp_path, names, below, train):
    data = write(tmp_path, names)
    assert data["train"] == data["val"] == train
    root = tmp_path / "out/yolo"
    images = [str(root / below / name.replace("\\", "/")) for name in names]
    folders = [train] if isinstance(train, str) else train
    assert all(any(image.startswith(f"{root / folder}/") for folder in folders) for image in images)
    written = [str(path) for path in root.rglob("*.txt")]
    assert sorted(img2label_paths(images)) == sorted(written)
