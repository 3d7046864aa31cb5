"""Files of a data set or a store that mean harm: each attack fails with one of our errors, and nothing else happens."""

import contextlib
import json
import os
import pickle
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.io import savemat

import boxsup
from boxsup.catalogue.readers import READERS
from boxsup.catalogue.readers.voc_objects import read_boxes
from boxsup.catalogue.records import Record
from boxsup.catalogue.sources import open_source
from boxsup.errors import BoxSupError, ConfigError, DataError, StoreError
from boxsup.image.files import (
    MAX_PIXELS,
    MAX_SIDE,
    read_image,
    read_mask,
)
from boxsup.network.checkpoint import load
from boxsup.proposals.pool import make_pool
from boxsup.proposals.pool_store import Pools, pools_writer
from boxsup.store.checksums import CHECKSUMS
from boxsup.store.foreign import parse_mat, read_json
from boxsup.store.labels import labels_writer

SIZE = (20, 30)
CLASSES = ("background", "cat")
XML = (
    "<annotation><object><name>cat</name><bndbox><xmin>2</xmin><ymin>3</ymin><xmax>30</xmax><ymax>20</ymax></bndbox>"
    "</object></annotation>"
)


class Bomb:
    """What makes a folder when it is unpickled."""

    def __reduce__(self):
        return os.mkdir, ("made_by_a_pickle",)


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """An empty working directory, in which no attack may leave anything."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    yield tmp_path / "here"
    assert not (tmp_path / "here" / "made_by_a_pickle").exists()


# --- XML --------------------------------------------------------------------------------------------------------------


def test_a_billion_laughs_are_not_laughed():
    entities = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 40))
    xml = f'<!DOCTYPE a [<!ENTITY l0 "ha">{entities}]><annotation><object><name>&l39;</name></object></annotation>'
    assert read_boxes(xml.encode(), *SIZE, CLASSES) == (
        [],
        ["the XML declares a DTD or entities, which annotations do not need; remove them"],
    )


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_another_encoding_hides_no_entity(encoding):
    xml = '<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/hostname">]><annotation><name>&e;</name></annotation>'
    boxes, [text] = read_boxes(xml.encode(encoding), *SIZE, CLASSES)
    assert boxes == []
    assert "DTD or entities" in text


def test_deep_xml_ends():
    xml = b"<annotation>" + b"<object>" * 100_000
    boxes, [text] = read_boxes(xml, *SIZE, CLASSES)
    assert boxes == []
    assert "not XML" in text


# --- links and special files ------------------------------------------------------------------------------------------


@pytest.fixture
def secret(tmp_path):
    """A picture of the user's own, outside of the data set."""
    Image.fromarray(np.full((*SIZE, 3), 200, np.uint8)).save(tmp_path / "secret.jpg")
    return tmp_path / "secret.jpg"


@pytest.fixture
def tree(tmp_path):
    """A data set of two images with masks in VOC layout, and the same as COCO's JSON."""
    root = tmp_path / "tree"
    for folder in ("ImageSets/Segmentation", "JPEGImages", "Annotations", "SegmentationClass", "SegmentationObject"):
        (root / folder).mkdir(parents=True)
    for image in "ab":
        Image.fromarray(np.zeros((*SIZE, 3), np.uint8)).save(root / f"JPEGImages/{image}.jpg")
        Image.fromarray(np.zeros(SIZE, np.uint8)).save(root / f"SegmentationClass/{image}.png")
        (root / f"Annotations/{image}.xml").write_text(XML)
        (root / f"Annotations/{image}.txt").write_text("0 0.5 0.5 1 1\n")
        (root / f"Annotations/{image}.json").write_text('{"shapes": []}')
    (root / "ImageSets/Segmentation/train.txt").write_text("a\nb\n")
    images = [
        {"id": number, "file_name": f"{image}.jpg", "height": SIZE[0], "width": SIZE[1]}
        for number, image in enumerate("ab")
    ]
    content = {"images": images, "annotations": [], "categories": [{"id": 1, "name": "cat"}]}
    (root / "instances.json").write_text(json.dumps(content))
    (root / "data.yaml").write_text("names: [cat]\n")
    return root


def records(root: Path, kind: str = "voc", **more: object) -> list[Record]:
    splits = {
        "voc": {"list": "train", "masks": "SegmentationClass"},
        "context": {"list": "train", "masks": "SegmentationClass"},
        "coco": {"annotations": "instances.json", "images": "JPEGImages", "masks": "none"},
        "sbd": {"list": "train"},
        "voc_xml": {"images": "JPEGImages", "annotations": "Annotations", "masks": "SegmentationClass"},
        "yolo": {"images": "JPEGImages", "annotations": "Annotations", "masks": "SegmentationClass"},
        "labelme": {"images": "JPEGImages", "annotations": "Annotations", "masks": "none"},
    }
    listing = READERS[kind](root, CLASSES, json.dumps(splits[kind] | more))
    assert listing.problems == []
    return [check() for check in listing.checks]


def link(path: Path, target: Path) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to(target)


@pytest.mark.parametrize(
    ("kind", "file"),
    [
        ("voc", "JPEGImages/b.jpg"),
        ("voc", "Annotations/b.xml"),
        ("voc", "SegmentationClass/b.png"),
        ("voc", "SegmentationObject/b.png"),
        ("context", "JPEGImages/b.jpg"),
        ("context", "SegmentationClass/b.png"),
        ("coco", "JPEGImages/b.jpg"),
        ("voc_xml", "JPEGImages/b.jpg"),
        ("voc_xml", "Annotations/b.xml"),
        ("voc_xml", "SegmentationClass/b.png"),
        ("yolo", "Annotations/b.txt"),
        ("labelme", "Annotations/b.json"),
    ],
)
def test_a_link_out_of_the_data_set_is_not_followed_unless_it_is_trusted(tree, secret, kind, file):
    link(tree / file, secret)
    good, bad = records(tree, kind)
    assert good.problems == []
    [problem] = bad.problems
    assert problem.file.endswith(file)
    assert "a symbolic link leads out of" in problem.problem
    assert (bad.height, bad.boxes) == (0, [])
    _, trusted = records(tree, kind, links=True)
    assert "symbolic link" not in str(trusted.problems)


def test_links_of_sbd_are_not_followed_either(tree, secret):
    for folder in ("img", "cls", "inst"):
        (tree / folder).mkdir()
    (tree / "train.txt").write_text("a\n")
    link(tree / "img/a.jpg", secret)
    [record] = records(tree, "sbd")
    assert "a symbolic link leads out of" in record.problems[0].problem


def test_a_folder_that_is_a_link_out_is_not_followed(tree, secret):
    (secret.parent / "pictures").mkdir()
    for image in "ab":
        (secret.parent / f"pictures/{image}.jpg").write_bytes(secret.read_bytes())
        (tree / f"JPEGImages/{image}.jpg").unlink()
    (tree / "JPEGImages").rmdir()
    link(tree / "JPEGImages", secret.parent / "pictures")
    assert all("leads out" in record.problems[0].problem for record in records(tree))
    assert all(not record.problems for record in records(tree, links=True))


@pytest.mark.parametrize(
    ("kind", "file"),
    [("voc", "ImageSets/Segmentation/train.txt"), ("coco", "instances.json"), ("yolo", "data.yaml")],
)
def test_a_list_that_is_a_link_out_says_nothing_of_what_is_in_it(tree, tmp_path, kind, file):
    (tmp_path / "passwords").write_text("root:x:0\n")
    link(tree / file, tmp_path / "passwords")
    with pytest.raises(DataError, match="leads out of") as info:
        records(tree, kind)
    assert "root:x" not in str(info.value)


def test_links_within_the_data_set_and_to_the_data_set_are_followed(tree, tmp_path):
    link(tree / "JPEGImages/b.jpg", tree / "JPEGImages/a.jpg")
    link(tmp_path / "elsewhere", tree)
    assert all(not record.problems for record in records(tmp_path / "elsewhere"))


def test_results_replace_a_link_and_do_not_write_through_it(tmp_path):
    (tmp_path / "precious").write_text("keep")
    (tmp_path / "table.csv").symlink_to(tmp_path / "precious")
    from boxsup.store.atomic import write_text

    write_text(tmp_path / "table.csv", "new")
    assert (tmp_path / "precious").read_text() == "keep"
    assert not (tmp_path / "table.csv").is_symlink()


@pytest.mark.parametrize("special", ["pipe", "device", "folder"])
@pytest.mark.parametrize("read", [read_image, read_mask, lambda path: read_json(path, "make it"), load])
def test_what_is_no_file_is_not_read_without_end(tmp_path, special, read):
    path = tmp_path / "special"
    {"pipe": os.mkfifo, "device": lambda path: link(path, Path("/dev/zero")), "folder": Path.mkdir}[special](path)
    with pytest.raises(BoxSupError, match="special: no such"):
        read(path)


@pytest.mark.parametrize(
    "name", ["../secret.jpg", "/etc/passwd", "x/../../secret.jpg", "..\\secret.jpg", ".hidden.jpg"]
)
@pytest.mark.parametrize("kind", ["voc_xml", "yolo", "labelme", "coco"])
def test_a_list_leads_out_of_no_folder(tree, secret, kind, name):
    (tree / "list.txt").write_text(f"a.jpg\n{name}\n")
    settings = {"images": "JPEGImages", "annotations": "Annotations", "masks": "none", "list": "list.txt"}
    settings |= {"annotations": "instances.json"} if kind == "coco" else {}
    listing = READERS[kind](tree, CLASSES, json.dumps(settings))
    [problem] = listing.problems
    assert "is no file of the image folder" in problem.problem
    assert [check().image for check in listing.checks] == ["a"]


@pytest.mark.parametrize("kind", ["voc_xml", "yolo", "labelme"])
def test_folders_of_ones_own_are_trusted_and_links_out_of_them_are_not(tree, secret, kind):
    link(tree / "JPEGImages/b.jpg", secret)
    settings = {"images": str(tree / "JPEGImages"), "annotations": str(tree / "Annotations"), "masks": "none"}
    good, bad = (check() for check in READERS[kind](tree, CLASSES, json.dumps(settings)).checks)
    assert good.problems == []
    assert "a symbolic link leads out of" in bad.problems[0].problem


@pytest.mark.parametrize(("kind", "ending"), [("voc_xml", "xml"), ("yolo", "txt"), ("labelme", "json")])
@pytest.mark.parametrize("special", ["pipe", "device", "huge"])
def test_an_annotation_that_does_not_end_is_a_problem(tree, kind, ending, special):
    path = tree / f"Annotations/b.{ending}"
    path.unlink()
    if special == "huge":
        with path.open("wb") as file:
            file.truncate(2**40)  # costs no disk
    else:
        {"pipe": os.mkfifo, "device": lambda path: link(path, Path("/dev/zero"))}[special](path)
    [problem] = records(tree, kind, links=True)[1].problems
    assert {"huge": "at most 67,108,864 are read"}.get(special, "no such file") in problem.problem


def test_a_bomb_of_aliases_in_a_data_yaml_does_not_go_off(tree):
    lines = ["a: &a [x, x, x, x, x, x, x, x, x]"]
    lines += [f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]" for a, b in zip("abcdefghi", "bcdefghij", strict=True)]
    (tree / "data.yaml").write_text("\n".join([*lines, "names: *j"]))
    with pytest.raises(DataError, match="expected numbers from 0 with a name each"):
        records(tree, "yolo")


def test_names_of_classes_that_would_write_over_a_terminal_or_a_config_are_refused(tree):
    content = json.loads((tree / "instances.json").read_text())
    content["categories"][0]["name"] = "cat\n  evil: true\x1b[2J"
    (tree / "instances.json").write_text(json.dumps(content))
    with pytest.raises(DataError, match="a name that cannot be shown") as info:
        open_source(tree / "JPEGImages", tree / "instances.json")
    assert str(info.value).isprintable()


# --- decompression bombs ----------------------------------------------------------------------------------------------


def png(width: int, height: int, colour: int = 2) -> bytes:
    """A valid PNG but for its pixels, of which there are a few only."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 99)) + chunk(b"IEND", b"")
    )


def jpeg(width: int, height: int) -> bytes:
    """A small JPEG whose header claims another size."""
    import io

    buffer = io.BytesIO()
    Image.fromarray(np.zeros((*SIZE, 3), np.uint8)).save(buffer, "JPEG")
    content = buffer.getvalue()
    place = content.index(b"\xff\xc0") + 5
    return content[:place] + struct.pack(">HH", height, width) + content[place + 4 :]


LIMITED = (
    "import re, sys\n"
    "from boxsup.image.files import read_image, read_mask\n"
    "from boxsup.errors import ConfigError, DataError\n"
    "peak = lambda: int(re.search(r'VmHWM:\\s*(\\d+) kB', open('/proc/self/status').read())[1])\n"
    "before = peak()\n"
    "for read in (read_image, read_mask):\n"
    "    try: read(sys.argv[1])\n"
    "    except DataError as error: print(error)\n"
    "print(peak() - before)\n"
)


@pytest.mark.parametrize(
    "content", [png(100_000, 100_000), jpeg(65_000, 65_000), png(10_000, 10_001)], ids=["png", "jpeg", "10,000×10,001"]
)
def test_a_picture_that_claims_to_be_huge_costs_no_memory(tmp_path, content):
    (tmp_path / "bomb.jpg").write_bytes(content)
    done = subprocess.run([sys.executable, "-c", LIMITED, str(tmp_path / "bomb.jpg")], capture_output=True, text=True)
    image, mask, kilobytes = done.stdout.splitlines()
    assert (
        "at most 100 megapixels and 65,535 px per side are read; scale it down, or set BOXSUP_MAX_MEGAPIXELS" in image
    )
    assert "at most" in mask
    assert int(kilobytes) < 50_000
    assert done.stderr == ""


@pytest.mark.parametrize("size", [(MAX_SIDE + 1, 1), (MAX_PIXELS // 4096 + 1, 4096)])
def test_the_limits_are_those_that_are_documented(tmp_path, size):
    (tmp_path / "large.png").write_bytes(png(*size))
    with pytest.raises(DataError, match="scale it down"):
        read_image(tmp_path / "large.png")


def test_the_environment_lifts_the_limit_or_lowers_it(tmp_path, monkeypatch):
    Image.new("L", (200, 100)).save(tmp_path / "small.png")
    monkeypatch.setenv("BOXSUP_MAX_MEGAPIXELS", "0.019")
    with pytest.raises(DataError, match=r"200×100 pixels.*at most 0\.019 megapixels"):
        read_image(tmp_path / "small.png")
    monkeypatch.setenv("BOXSUP_MAX_MEGAPIXELS", "0.02")
    assert read_image(tmp_path / "small.png").shape == (100, 200, 3)
    monkeypatch.setenv("BOXSUP_MAX_MEGAPIXELS", "1e4")
    (tmp_path / "large.png").write_bytes(png(20_000, 20_000))
    with pytest.raises(DataError) as raised:
        read_image(tmp_path / "large.png")
    assert "at most" not in str(raised.value)  # its header passes; the file has no pixels
    monkeypatch.setenv("BOXSUP_MAX_MEGAPIXELS", "many")
    with pytest.raises(ConfigError, match="BOXSUP_MAX_MEGAPIXELS=many: expected a number of megapixels above 0"):
        read_image(tmp_path / "small.png")


def test_a_bomb_of_text_in_a_png_does_not_go_off(tmp_path):
    text = b"Comment\0\0" + zlib.compress(b"\0" * 2**26, 9)
    chunk = struct.pack(">I", len(text)) + b"zTXt" + text + struct.pack(">I", zlib.crc32(b"zTXt" + text))
    content = png(*SIZE)
    (tmp_path / "bomb.png").write_bytes(content[:33] + chunk + content[33:])
    with pytest.raises(DataError, match="not a readable image"):
        read_image(tmp_path / "bomb.png")


def test_a_picture_calls_no_other_program(tmp_path, monkeypatch):
    (tmp_path / "gs").write_text(f"#!/bin/sh\n: > {tmp_path}/called\n")
    (tmp_path / "gs").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("PIL.EpsImagePlugin.gs_binary", None)  # what Pillow found when it looked for it first
    (tmp_path / "a.jpg").write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n(x) show\n%%EOF\n")
    with pytest.raises(DataError, match="not a readable image"):
        read_image(tmp_path / "a.jpg")
    assert not (tmp_path / "called").exists()
    with contextlib.suppress(OSError), Image.open(tmp_path / "a.jpg") as image:  # as Pillow would by itself
        image.load()
    assert (tmp_path / "called").exists()


# --- stores -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def stores(tmp_path):
    """A store of label maps and one of candidates, whose checksums do not tell of what is done to their metadata."""
    with labels_writer(tmp_path / "labels.zarr", ["a"], np.array([SIZE]), {}) as writer:
        writer.append("a", labels=np.ones(SIZE, np.uint8))
        writer.table("chosen", np.zeros(3, np.int32))
    with pools_writer(tmp_path / "pools.zarr", ["a"], np.array([SIZE]), {}) as writer:
        writer.append("a", make_pool(np.ones(SIZE, int), np.ones((1, 2), bool), np.zeros(1)))
    for store in ("labels.zarr", "pools.zarr"):
        (tmp_path / store / CHECKSUMS).unlink()
    return tmp_path


def claim(file: Path, shape: list[int], chunks: list[int] | None = None) -> None:
    content = json.loads(file.read_text())
    content["shape"] = shape
    if chunks:
        content["chunk_grid"]["configuration"]["chunk_shape"] = chunks
        for codec in content["codecs"]:
            if codec["name"] == "sharding_indexed":
                codec["configuration"]["chunk_shape"] = chunks
    file.write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("array", "shape", "chunks"),
    [
        ("labels.zarr/labels", [1, 100_000, 100_000], [1, 100_000, 100_000]),
        ("labels.zarr/labels", [10**12, 20, 30], None),
        ("labels.zarr/size", [10**12, 2], None),
        ("labels.zarr/chosen", [10**12], None),
        ("labels.zarr/chosen", [10**12], [10**12]),
        ("pools.zarr/size", [10**9, 2], None),
        ("pools.zarr/superpixels", [10**12], None),
        ("pools.zarr/superpixels", [600], [10**12]),
        ("pools.zarr/superpixels_offsets", [10**12], None),
        ("pools.zarr/members", [0], None),
    ],
)
def test_metadata_that_claim_a_giant_array_are_refused(stores, array, shape, chunks):
    claim(stores / array / "zarr.json", shape, chunks)

    def read():
        labels = boxsup.open_labels(stores / "labels.zarr")
        labels.table("chosen")
        return labels["a"], Pools([stores / "pools.zarr"])["a"]

    with pytest.raises(StoreError, match=r"\.zarr"):
        read()


# --- pickles ----------------------------------------------------------------------------------------------------------


def test_a_checkpoint_is_not_unpickled(tmp_path):
    torch.save({"state": Bomb()}, tmp_path / "model.pt")
    with pytest.raises(StoreError, match="not a readable checkpoint"):
        load(tmp_path / "model.pt")
    (tmp_path / "model.pt").write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(StoreError, match="not a readable checkpoint"):
        load(tmp_path / "model.pt")


def test_foreign_weights_are_not_unpickled(tmp_path):
    import hashlib

    from boxsup.config.training import NetworkSettings
    from boxsup.network.pretrained import imagenet_weights

    path = tmp_path / "weights.pth"
    torch.save(Bomb(), path)
    settings = NetworkSettings(
        name="mobilenet_v2", weights=str(path), sha256=hashlib.sha256(path.read_bytes()).hexdigest()
    )
    with pytest.raises(BoxSupError, match="not a readable file of weights"):
        imagenet_weights("mobilenet_v2", settings)


def test_pickles_in_numpys_format_are_no_matlab_file(tmp_path):
    np.save(tmp_path / "a.npy", np.array([Bomb()], object), allow_pickle=True)
    with pytest.raises(DataError, match="not a readable MATLAB file"):
        parse_mat((tmp_path / "a.npy").read_bytes(), "a.mat")


@pytest.mark.parametrize("kind", ["context", "sbd"])
def test_objects_in_a_matlab_file_are_no_numbers(tree, kind):
    pickled = np.array([[pickle.dumps(Bomb()), {"nested": [1, 2]}]], object)
    if kind == "context":
        (tree / "labels.txt").write_text("1: cat\n")
        (tree / "SegmentationClass/b.png").unlink()
        savemat(tree / "SegmentationClass/b.mat", {"LabelMap": pickled})
    else:
        for folder in ("img", "cls", "inst"):
            (tree / folder).mkdir()
        (tree / "img/b.jpg").write_bytes((tree / "JPEGImages/b.jpg").read_bytes())
        (tree / "train.txt").write_text("b\n")
        for folder, name in (("cls", "GTcls"), ("inst", "GTinst")):
            savemat(tree / f"{folder}/b.mat", {name: {"Segmentation": pickled, "Categories": pickled}})
    assert records(tree, kind)[-1].problems


def test_a_configuration_runs_no_python():
    import yaml

    from boxsup.config.resolve import resolve

    with pytest.raises(yaml.YAMLError):
        yaml.safe_load("!!python/object/apply:os.mkdir [made_by_a_pickle]")
    with pytest.raises(ConfigError):
        resolve({"datasets": {"a\n": {}}})
