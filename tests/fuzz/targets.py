"""The readers under attack: the real files that each is fed with, and what must hold where it reads a broken one."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from mutations import Mutation, Random, any_bytes, any_json, any_name, any_png, any_text
from PIL import Image

from boxsup.catalogue.records import Box, Record

ROOT = Path(__file__).parents[2]
SIZE = (20, 30)
CLASSES = ("background", "cat", "dog")
XML = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<annotation><folder>VOC</folder><size><width>30</width></size>'
    + "".join(
        f"<object><name>{name}</name><difficult>0</difficult><bndbox><xmin>{x}</xmin><ymin>3</ymin><xmax>20.5</xmax>"
        "<ymax>9</ymax></bndbox></object>"
        for name, x in (("cat", 1), ("dog", 4))
    )
    + "</annotation>"
)


@dataclass(frozen=True)
class Target:
    """A reader.

    Attributes:
        make: Writes whole files into a folder; returns those that are broken, one at a time.
        mutate: How.
        read: Reads the folder; raises an AssertionError where what comes of it is not right.
        share: Of all inputs, relative to the others.
        names: Whether names of files are broken, and not what is in them.
    """

    make: Callable[[Path], list[Path]]
    mutate: Mutation
    read: Callable[[Path], object]
    share: float = 1.0
    names: bool = False


def _picture(mode: str = "RGB") -> Image.Image:
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    pixels = np.stack([90 + rows * 3, 60 + columns * 4, rows + columns], axis=-1).astype(np.uint8)
    return Image.fromarray(pixels).convert(mode)


def _mask() -> Image.Image:
    from boxsup.image.files import encode_mask

    labels = np.zeros(SIZE, np.uint8)
    labels[3:9, 4:20], labels[9] = 1, 255
    return Image.open(io.BytesIO(encode_mask(labels)))


def _compressed(first: int) -> str:
    """COCO's string for a mask of some columns."""
    from pycocotools import mask

    pixels = np.zeros(SIZE, np.uint8, order="F")
    pixels[:, first : first + 5] = 1
    return str(mask.encode(pixels)["counts"].decode())


def _records(kind: str, folder: Path, settings: dict[str, Any]) -> None:
    """Read a split as `boxsup catalogue` does: every record has problems, which are then raised, or is right."""
    from boxsup.catalogue.readers import READERS
    from boxsup.errors import DataError

    listing = READERS[kind](folder, CLASSES, json.dumps(settings))
    for record in [check() for check in listing.checks]:
        lines = [problem.problem for problem in record.problems]
        assert all("\n" not in line for line in lines), lines
        if lines:
            raise DataError(lines[0])
        assert min(record.height, record.width) > 0
        for box in record.boxes:
            assert 1 <= box.class_id < len(CLASSES), box
            assert 0 <= box.x0 < box.x1 <= record.width, box
            assert 0 <= box.y0 < box.y1 <= record.height, box


# --- the files of a data set ------------------------------------------------------------------------------------------


def make_voc(folder: Path) -> list[Path]:
    for name in ("ImageSets/Segmentation", "JPEGImages", "Annotations", "SegmentationClass", "SegmentationObject"):
        (folder / name).mkdir(parents=True)
    files = [folder / f"{name}/a.{end}" for name, end in (("Annotations", "xml"), ("SegmentationClass", "png"))]
    files[0].write_text(XML)
    _picture().save(folder / "JPEGImages/a.jpg")
    _mask().save(files[1])
    (folder / "ImageSets/Segmentation/train.txt").write_text("a\n")
    return files


def read_voc(folder: Path) -> None:
    _records("voc", folder, {"list": "train", "masks": "SegmentationClass"})


def make_list(folder: Path) -> list[Path]:
    make_voc(folder)
    return [folder / "ImageSets/Segmentation/train.txt"]


def image_of(kind: str, mode: str, **options: object) -> Callable[[Path], list[Path]]:
    def make(folder: Path) -> list[Path]:
        _picture(mode).save(folder / "image", kind, **options)
        return [folder / "image"]

    return make


def read_picture(folder: Path) -> None:
    from boxsup.image.files import read_image

    pixels = read_image(folder / "image")
    assert pixels.dtype == np.uint8
    assert pixels.ndim == 3
    assert pixels.shape[2] == 3


def make_coco(folder: Path) -> list[Path]:
    _picture().save(folder / "a.jpg")
    runs = {"size": list(SIZE), "counts": [10, 20, 570]}
    compressed = {"size": list(SIZE), "counts": _compressed(2)}
    polygon = [[2.0, 2.0, 9.5, 2.0, 9.5, 8.0]]
    annotations = [
        {"id": number, "image_id": 1, "category_id": 1 + number % 2, "bbox": [2, 2, 7.5, 6], "iscrowd": number % 2}
        | {"segmentation": shape, "area": 24.0}
        for number, shape in enumerate((polygon, runs, polygon, compressed))
    ]
    categories = [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}]
    images = [{"id": 1, "file_name": "a.jpg", "height": SIZE[0], "width": SIZE[1]}]
    content = {"images": images, "annotations": annotations, "categories": categories}
    (folder / "instances.json").write_text(json.dumps(content))
    return [folder / "instances.json"]


def read_coco(folder: Path) -> None:
    _records("coco", folder, {"annotations": "instances.json", "images": ".", "masks": "annotations"})


FOLDERS = {"images": ".", "annotations": ".", "masks": "annotations"}


def make_yolo(folder: Path) -> list[Path]:
    _picture().save(folder / "a.jpg")
    (folder / "a.txt").write_text("0 0.5 0.5 0.25 0.4\n1 0.1 0.1 0.5 0.15 0.5 0.3 0.1 0.3\n")
    (folder / "data.yaml").write_text("path: ../x\ntrain: images\nnames:\n  0: cat\n  1: dog\n")
    return [folder / "a.txt", folder / "a.txt", folder / "data.yaml"]


def make_labelme(folder: Path) -> list[Path]:
    _picture().save(folder / "a.jpg")
    points = {
        "polygon": [[3, 2], [9, 2], [9, 7.5]],
        "circle": [[10, 10], [13, 12]],
        "mask": [[1, 1], [5, 4]],
        "rectangle": [[3, 2], [9.5, 7]],
    }
    buffer = io.BytesIO()
    Image.fromarray(np.ones((4, 5), np.uint8)).save(buffer, "PNG")
    mask = base64.b64encode(buffer.getvalue()).decode()
    shapes = [
        {
            "label": "cat",
            "mask": mask if kind == "mask" else None,
            "points": corners,
            "group_id": number or None,
            "shape_type": kind,
            "flags": {},
        }
        for number, (kind, corners) in enumerate(points.items())
    ]
    content = {"version": "5.4.1", "flags": {}, "shapes": shapes, "imagePath": "../a.jpg", "imageData": None}
    (folder / "a.json").write_text(json.dumps(content | {"imageHeight": SIZE[0], "imageWidth": SIZE[1]}))
    return [folder / "a.json"]


def make_xml(folder: Path) -> list[Path]:
    _picture().save(folder / "a.png")
    (folder / "a.xml").write_text(XML)
    return [folder / "a.xml"]


def read_source(folder: Path) -> None:
    """Recognise annotations and read what they are of, as `boxsup init` does."""
    from boxsup.catalogue.sources import open_source
    from boxsup.errors import DataError

    records = [check() for check in open_source(folder, folder).listing().checks]
    lines = [problem.problem for record in records for problem in record.problems]
    if lines:
        raise DataError(lines[0])


def named(write: Callable[[Path], list[Path]]) -> Callable[[Path], list[Path]]:
    """Makes two images, `a` with a cat and `b` with a dog, and their annotations in a folder of their own."""

    def make(folder: Path) -> list[Path]:
        (folder / "images").mkdir()
        (folder / "boxes").mkdir()
        for image in "ab":
            _picture().save(folder / f"images/{image}.png")
        return [*sorted((folder / "images").iterdir()), *write(folder)]

    return make


def write_xml(folder: Path) -> list[Path]:
    for image, name in (("a", "cat"), ("b", "dog")):
        (folder / f"boxes/{image}.xml").write_text(XML.replace("cat", name).replace("dog", name))
    return sorted((folder / "boxes").iterdir())


def write_yolo(folder: Path) -> list[Path]:
    (folder / "data.yaml").write_text("names: [cat, dog]")
    for image, number in (("a", 0), ("b", 1)):
        (folder / f"boxes/{image}.txt").write_text(f"{number} 0.5 0.5 0.2 0.2\n")
    return sorted((folder / "boxes").iterdir())


def write_labelme(folder: Path) -> list[Path]:
    for image, name in (("a", "cat"), ("b", "dog")):
        shape = {"label": name, "points": [[3, 2], [9, 7]], "shape_type": "rectangle"}
        (folder / f"boxes/{image}.json").write_text(json.dumps({"shapes": [shape]}))
    return sorted((folder / "boxes").iterdir())


def write_coco(folder: Path) -> list[Path]:
    images = [{"id": ord(image), "file_name": f"{image}.png", "height": 20, "width": 30} for image in "ab"]
    boxes = [
        {"id": number, "image_id": ord(image), "category_id": number, "bbox": [3, 2, 6, 5]}
        for number, image in enumerate("ab", start=1)
    ]
    names = [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}]
    (folder / "boxes/boxes.json").write_text(json.dumps({"images": images, "annotations": boxes, "categories": names}))
    return [folder / "boxes/boxes.json"]


def read_lines(folder: Path) -> list[Record]:
    """Read as `boxsup init` does: what is wrong is said in lines that can be written; else the images are returned."""
    from boxsup.catalogue.sources import open_source
    from boxsup.errors import DataError

    single = folder / "boxes/boxes.json"
    listing = open_source(folder / "images", single if single.exists() else single.parent).listing()
    records = [check() for check in listing.checks]
    lines = [*listing.problems, *(line for record in records for line in record.problems), *listing.unmatched]
    assert all(text.isprintable() for line in lines for text in line), lines
    assert len({record.image for record in records}) == len(records)
    if lines:
        raise DataError(f"{lines[0].file}: {lines[0].problem}")
    return records


def read_named(folder: Path) -> None:
    """As `read_lines`; where it says nothing, both images and their boxes are there, unless files are passed over."""
    from boxsup.catalogue.readers.beside import annotation_files
    from boxsup.catalogue.readers.image_files import images_below

    records = read_lines(folder)
    kinds = [len(list(annotation_files(folder / "boxes", kind))) for kind in (".xml", ".txt", ".json")]
    if len(images_below(folder / "images")) == 2 and ((folder / "boxes/boxes.json").exists() or 2 in kinds):
        assert {box.class_id for record in records for box in record.boxes} == {1, 2}, records
        assert len(records) == 2


def make_sbd(folder: Path) -> list[Path]:
    from scipy.io import savemat

    for name in ("img", "cls", "inst"):
        (folder / name).mkdir()
    for image in "ab":
        _picture().save(folder / f"img/{image}.jpg")
        labels = np.array(_mask()) % 255
        options: dict[str, Any] = {"do_compression": image == "b"}
        savemat(folder / f"cls/{image}.mat", {"GTcls": {"Segmentation": labels}}, **options)
        objects = {"Segmentation": labels, "Categories": np.array([[2.0]])}
        savemat(folder / f"inst/{image}.mat", {"GTinst": objects}, **options)
    (folder / "train.txt").write_text("a\nb\n")
    return sorted(folder.glob("*/*.mat"))


def make_context(folder: Path) -> list[Path]:
    from scipy.io import savemat

    make_voc(folder)
    (folder / "labels.txt").write_text("1: cat\n2: dog\n")
    (folder / "SegmentationClass/a.png").unlink()
    savemat(folder / "SegmentationClass/a.mat", {"LabelMap": np.array(_mask()) % 255})
    return [folder / "SegmentationClass/a.mat", folder / "labels.txt"]


# --- candidates of other tools ----------------------------------------------------------------------------------------


def imported(files: str, images: str = "") -> Callable[[Path], None]:
    """Read candidates as `boxsup proposals make` does."""

    def read(folder: Path) -> None:
        from boxsup.config.proposals import ImportedSettings
        from boxsup.proposals.imported import proposer

        numbers = str(folder / images) if images else ""
        settings = ImportedSettings(
            method="imported",
            min_area=0,
            max_area=1,
            nms=1.0,
            max_candidates=2000,
            seed=0,
            files=str(folder / files),
            images=numbers,
        )
        pool = proposer(settings)(np.zeros((*SIZE, 3), np.uint8), "a")
        assert pool.superpixels.shape == SIZE
        assert len(pool) >= 1
        assert (np.diff(pool.scores) <= 0).all()

    return read


def make_mcg(folder: Path) -> list[Path]:
    from scipy.io import savemat

    superpixels = (np.mgrid[: SIZE[0], : SIZE[1]][1] // 6 + 1).astype(np.float64)
    cells = np.empty((3, 1), object)
    for row, numbers in enumerate(([1.0, 2.0], [3.0], [2.0, 4.0, 5.0])):
        cells[row, 0] = np.array([numbers])
    savemat(folder / "a.mat", {"superpixels": superpixels, "labels": cells, "scores": np.array([[3.0], [2.0], [1.0]])})
    return [folder / "a.mat"]


def make_results(folder: Path) -> list[Path]:
    masks = [{"size": list(SIZE), "counts": counts} for counts in ([10, 20, 570], [0, 600], _compressed(4))]
    records = [{"image_id": 1, "segmentation": mask, "score": 0.5} for mask in masks]
    (folder / "results.json").write_text(json.dumps(records))
    (folder / "images.json").write_text(json.dumps({"images": [{"id": 1, "file_name": "a.jpg"}]}))
    return [folder / "results.json", folder / "images.json"]


# --- stores, checkpoints, tables, configuration -----------------------------------------------------------------------


def _without_checksums(store: Path) -> list[Path]:
    """All files of a store but its checksums, which would find any change before a reader sees it."""
    from boxsup.store.checksums import CHECKSUMS

    (store / CHECKSUMS).unlink()
    metadata = sorted(store.rglob("zarr.json"))
    return metadata * 3 + sorted(path for path in store.rglob("*") if path.is_file() and path not in metadata)


def make_labels(folder: Path) -> list[Path]:
    from boxsup.store.labels import labels_writer

    with labels_writer(folder / "labels.zarr", ["a", "b"], np.array([SIZE, (8, 9)]), {"seed": 0}) as writer:
        writer.append("a", labels=np.array(_mask()))
        writer.append("b", labels=np.ones((8, 9), np.uint8))
        writer.table("chosen", np.arange(5, dtype=np.int32))
    return _without_checksums(folder / "labels.zarr")


def read_labels(folder: Path) -> None:
    import boxsup

    labels = boxsup.open_labels(folder / "labels.zarr")
    labels.table("chosen")
    for image in labels:
        assert labels[image].dtype == np.uint8
        assert labels[image].ndim == 2


def make_pools(folder: Path) -> list[Path]:
    from boxsup.image.boxes import box_iou
    from boxsup.labels.overlaps import overlaps_writer
    from boxsup.proposals.pool import make_pool
    from boxsup.proposals.pool_store import pools_writer

    superpixels = np.mgrid[: SIZE[0], : SIZE[1]][1] // 6
    pool = make_pool(superpixels, np.random.default_rng(0).random((9, 5)) > 0.5, np.zeros(9))
    with pools_writer(folder / "pools.zarr", ["a", "b"], np.array([SIZE, SIZE]), {}) as writer:
        writer.append("a", pool)
        writer.append("b", pool)
    with overlaps_writer(folder / "overlaps.zarr", ["a", "b"], {}) as overlaps:
        overlaps.append(box_iou(np.array([[0, 0, 9, 9], [3, 3, 12, 15]]), pool.boxes))
        overlaps.append(np.zeros((0, len(pool)), np.float32))
    return _without_checksums(folder / "pools.zarr") + _without_checksums(folder / "overlaps.zarr")


def read_pools(folder: Path) -> None:
    from boxsup.labels.overlaps import Overlaps
    from boxsup.proposals.pool_store import Pools

    pools = Pools([folder / "pools.zarr"], ahead=2)
    for pool in pools.values():
        assert pool.boxes.shape == (len(pool), 4)
        if len(pool):
            assert pool.mask(0).shape == pool.superpixels.shape
    for iou in Overlaps([folder / "overlaps.zarr"], ahead=2).values():
        assert iou.ndim == 2


PART = Record("a", "a.jpg", *SIZE, boxes=[Box(1, 2, 3, 20, 9), Box(1, 0, 0, 30, 20, crowd=1), Box(2, 4, 1, 9, 19)])


def make_part(folder: Path) -> list[Path]:
    from boxsup.masking.box_masks import BoxMask
    from boxsup.masking.parts import ImagePart, write_part
    from boxsup.masking.quality import Measures

    masks: list[BoxMask | None] = [None] * 3
    for place, rectangle in ((0, False), (2, True)):
        box, pixels = PART.boxes[place], np.zeros(SIZE, np.bool_)
        pixels[box.y0 + 1 : box.y1, box.x0 : box.x1 - 2] = True
        known = (np.nan,) * 4 if rectangle else (0.9, 0.1, 0.2, 0.8)
        masks[place] = BoxMask(pixels, rectangle, Measures(*known, 0.5, 0.1, 0.9, 0.8, 0.7, 0.1, 2))
    write_part(folder, "key", ImagePart(PART, masks))
    return [folder / "a.json"]


def read_part_of(folder: Path) -> None:
    from boxsup.masking.parts import read_part
    from boxsup.masking.table import masks_table

    part = read_part(folder, "key", PART)
    assert len(part.masks) == len(PART.boxes)
    table = masks_table([part], CLASSES, CLASSES, folder)
    assert table["score"].between(0, 1).all()


def any_store_file(content: bytes, random: Random) -> bytes:
    return any_json(content, random) if content.startswith(b"{") else any_bytes(content, random)


def make_checkpoint(folder: Path) -> list[Path]:
    import torch

    from boxsup.network.checkpoint import save

    state = {"weight": torch.arange(12.0).reshape(3, 4), "bias": torch.zeros(3)}
    content = {"network": "mobilenet_v2", "classes": list(CLASSES), "state": state, "epoch": 1, "pretrained": {}}
    save(folder / "model.pt", content)
    return [folder / "model.pt"]


def any_checkpoint(content: bytes, random: Random) -> bytes:
    """As `any_bytes`, or one part of the archive broken and its CRC right again."""
    if random.random() < 0.4:
        return any_bytes(content, random)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    name = str(random.choice([name for name in parts for _ in range(8 if name.endswith("data.pkl") else 1)]))
    parts[name] = any_bytes(parts[name], random)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for part, body in parts.items():
            archive.writestr(part, body)
    return buffer.getvalue()


PLAIN = {dict, list, tuple, set, str, bytes, int, float, bool, complex, type(None), OrderedDict, bytearray}


def read_checkpoint(folder: Path) -> None:
    """A file that loads holds plain values and tensors, and is no network of ours, as its weights are too few."""
    import torch

    from boxsup.errors import BoxSupError
    from boxsup.network.checkpoint import load, load_checkpoint

    assert all(type(value) in PLAIN or isinstance(value, torch.Tensor) for value in load(folder / "model.pt").values())
    try:
        load_checkpoint(folder / "model.pt")
    except BoxSupError:
        return
    raise AssertionError("a network without its weights")


def make_tables(folder: Path) -> list[Path]:
    (folder / "images.csv").write_text("image,path,height,width,mask,objects\na,a.jpg,20,30,,\nb,b.jpg,20,30,b.png,\n")
    (folder / "boxes.csv").write_text("image,label,x0,y0,x1,y1,difficult,crowd\na,1,0,0,9,9,0,0\nb,2,3,3,9,9,1,0\n")
    (folder / "classes.csv").write_text("label,name\n0,background\n1,cat\n2,dog\n")
    return sorted(folder.glob("*.csv"))


def read_tables(folder: Path) -> None:
    from boxsup.catalogue.tables import corners_of, read_catalogue

    catalogue = read_catalogue(folder)
    assert catalogue.sizes.dtype == np.int64
    for row in catalogue.rows():
        assert corners_of(catalogue.boxes_of(row.image)).ndim == 2


def make_config(folder: Path) -> list[Path]:
    files = {"config.yaml": ROOT / "config.yaml", "tiny.yaml": ROOT / "tests/workflow/tiny.yaml"}
    for name, source in files.items():
        (folder / name).write_bytes(source.read_bytes())
    return [folder / name for name in files]


def read_config(folder: Path) -> None:
    """As the Snakefile does: what is no YAML, Snakemake itself says."""
    import yaml
    from snakemake.common.configfile import load_configfile
    from snakemake.exceptions import WorkflowError
    from snakemake.utils import update_config

    from boxsup.config.params import canonical
    from boxsup.config.resolve import resolve

    try:
        config = load_configfile(folder / "config.yaml")
        update_config(config, load_configfile(folder / "tiny.yaml"))
    except (WorkflowError, yaml.YAMLError, UnicodeDecodeError, RecursionError):
        return
    resolved = resolve(config)
    assert json.loads(canonical(resolved)) == resolved


TARGETS: dict[str, Target] = {
    "voc-masks": Target(lambda folder: make_voc(folder)[1:], any_png, read_voc),
    "xml": Target(lambda folder: make_voc(folder)[:1], any_text, read_voc, 2),
    "list": Target(make_list, any_text, read_voc),
    "png": Target(image_of("PNG", "RGB"), any_png, read_picture, 2),
    "png-palette": Target(image_of("PNG", "P", transparency=3), any_png, read_picture),
    "jpeg": Target(image_of("JPEG", "RGB"), any_bytes, read_picture, 2),
    "jpeg-progressive": Target(image_of("JPEG", "CMYK", progressive=True), any_bytes, read_picture),
    "tiff": Target(image_of("TIFF", "RGB", compression="tiff_lzw"), any_bytes, read_picture),
    "webp": Target(image_of("WEBP", "RGB"), any_bytes, read_picture),
    "gif": Target(image_of("GIF", "P"), any_bytes, read_picture),
    "bmp": Target(image_of("BMP", "RGB"), any_bytes, read_picture),
    "coco": Target(make_coco, any_json, read_coco, 3),
    "yolo": Target(make_yolo, any_text, lambda folder: _records("yolo", folder, FOLDERS), 2),
    "labelme": Target(make_labelme, any_json, lambda folder: _records("labelme", folder, FOLDERS), 2),
    "recognise-xml": Target(make_xml, any_text, read_source),
    "recognise-labelme": Target(make_labelme, any_json, read_source),
    "recognise-yolo": Target(make_yolo, any_text, read_source),
    "names-xml": Target(named(write_xml), any_name, read_named, names=True),
    "names-yolo": Target(named(write_yolo), any_name, read_named, names=True),
    "names-labelme": Target(named(write_labelme), any_name, read_named, names=True),
    "names-coco": Target(named(write_coco), any_name, read_named, names=True),
    "ids-coco": Target(lambda folder: named(write_coco)(folder)[-1:], any_json, read_lines, 2),
    "ids-labelme": Target(lambda folder: named(write_labelme)(folder)[2:], any_json, read_lines),
    "classes-yolo": Target(
        lambda folder: [named(write_yolo)(folder)[0].parents[1] / "data.yaml"], any_text, read_lines
    ),
    "sbd": Target(make_sbd, any_bytes, lambda folder: _records("sbd", folder, {"list": "train"}), 2),
    "context": Target(
        make_context,
        any_bytes,
        lambda folder: _records("context", folder, {"list": "train", "masks": "SegmentationClass"}),
    ),
    "mcg": Target(make_mcg, any_bytes, imported("{image}.mat"), 2),
    "results": Target(make_results, any_json, imported("results.json", "images.json"), 2),
    "labels": Target(make_labels, any_store_file, read_labels, 2),
    "pools": Target(make_pools, any_store_file, read_pools, 2),
    "part": Target(make_part, any_json, read_part_of),
    "checkpoint": Target(make_checkpoint, any_checkpoint, read_checkpoint, 1.5),
    "tables": Target(make_tables, any_text, read_tables),
    "config": Target(make_config, any_text, read_config, 0.5),
}
