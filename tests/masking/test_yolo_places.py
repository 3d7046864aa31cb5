"""YOLO's labels for boxes of other formats are where Ultralytics looks for them."""

import json
import os
from pathlib import Path

import pytest
import yaml

from boxsup.masking.copies import MaskResults, stamps_of
from boxsup.masking.outputs import write_yolo
from boxsup.writers.yolo_data import copied
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


def split_folders(data, key="train"):
    """The folders of a split, as `check_det_dataset` of Ultralytics has them."""
    content = yaml.safe_load(data.read_text())
    entries = content[key] if isinstance(content[key], list) else [content[key]]
    return [str((Path(content.get("path") or data.parent) / entry).resolve()) for entry in entries]


@pytest.mark.parametrize(
    "lines",
    [
        "path: {root}  # mine\ntrain: images\nval: images\nnames: [{names}] # cats\n",
        "# mine\r\npath: .\r\ntrain: [images, images/deep]\r\nval: images\r\nnames: [{names}]\r\n",
        "train: {root}/images\nnames: [{names}]\nval: '{root}/images'\npath: {root}/..",
        "path: ../set\nval: images\ntrain:\n  - {root}/images\n  - ./images\nnames: [{names}]\n",
        "path: {root}/images\ntrain: .\nval: ''\nnames: [{names}]\n",
        "path: /content/elsewhere\ntrain: images\nval: images\nnames: [{names}]\n",
        '{{path: {root}, "train": "images", val: {root}/images, names: [{names}]}}\n',
    ],
)
def test_a_copied_data_yaml_does_not_lead_back_to_the_boxes(tmp_path, monkeypatch, lines):
    """Its `path` named the user's own folder, so Ultralytics read the labels of boxes there."""
    monkeypatch.chdir(tmp_path)
    made = own_data.pictures(2)
    own_data.write_images(tmp_path / "set/images", made)
    own_data.write_yolo(tmp_path / "set", made)
    data = tmp_path / "set/data.yaml"
    data.write_text(lines.format(root=tmp_path / "set", names=", ".join(own_data.FORMS)), newline="")
    source, parts = read_parts(tmp_path / "set/images", tmp_path / "set/labels")
    assert write_yolo(tmp_path / "out", MaskResults(source, stamps_of(source), lambda: iter(parts))) == []
    copy = tmp_path / "out/yolo/data.yaml"
    assert split_folders(copy)[0] == str(tmp_path / "out/yolo/images")
    assert all(folder.startswith(str(tmp_path / "out/yolo/images")) for folder in split_folders(copy))
    assert yaml.safe_load(copy.read_text())["names"] == list(own_data.FORMS)
    kept = [line for line in data.read_bytes().splitlines(keepends=True) if b"names: [" in line or line[:1] == b"#"]
    assert lines[0] == "{" or all(line in copy.read_bytes() for line in kept)


def test_what_is_not_copied_stays_in_data_yaml(tmp_path):
    text = b"train: ../train/images\nval: /elsewhere/images\nnames:\n  0: cat # path: no\n"
    assert copied(text, tmp_path / "data.yaml", tmp_path) == text
    assert copied(b"path: [\n", tmp_path / "data.yaml", tmp_path) == b"path: [\n"
