"""Own annotations: the same objects in four formats are the same boxes; each format by hand; what is no annotation."""

import base64
import io
import json

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from boxsup.catalogue.check import run_checks
from boxsup.catalogue.formats import recognise_format
from boxsup.catalogue.readers.coco_objects import parse_annotation
from boxsup.catalogue.readers.labelme import class_names, read_shapes
from boxsup.catalogue.readers.segments import encode_masks
from boxsup.catalogue.readers.voc_objects import read_objects
from boxsup.catalogue.readers.yolo import read_labels, read_names
from boxsup.catalogue.records import Box
from boxsup.catalogue.sources import open_source
from boxsup.errors import DataError
from helpers import own_data

SIZE = (20, 30)  # height, width
CLASSES = ("background", "cat", "dog")


@pytest.fixture(scope="module")
def made():
    return own_data.pictures(4)


@pytest.fixture(scope="module")
def root(tmp_path_factory, made):
    """The same pictures with their boxes in every format."""
    root = tmp_path_factory.mktemp("own")
    own_data.write_images(root / "images", made)
    own_data.write_voc_xml(root / "xml", made)
    own_data.write_yolo(root / "yolo", made)
    own_data.write_labelme(root / "labelme", made)
    own_data.write_coco(root / "instances.json", made)
    return root


SOURCES = {"coco": "instances.json", "voc_xml": "xml", "yolo": "yolo/labels", "labelme": "labelme"}


@pytest.mark.parametrize("form", SOURCES)
def test_every_format_is_recognised_and_gives_the_same_boxes(root, made, form):
    assert recognise_format(root / "images", root / SOURCES[form]) == form
    source = open_source(root / "images", root / SOURCES[form])
    assert set(source.classes) == set(own_data.CLASSES)
    listing = source.with_classes(own_data.FORMS).listing()
    assert listing.problems == []
    records = list(run_checks(listing.checks, 1))
    assert [record.image for record in records] == list(made)
    for record, each in zip(records, made.values(), strict=True):
        assert (record.problems, (record.height, record.width)) == ([], each.instances.shape)
        assert [box[:5] for box in record.boxes] == [(thing.class_id, *thing.box) for thing in each.objects]


@pytest.mark.slow
@pytest.mark.parametrize("form", SOURCES)
def test_records_do_not_depend_on_the_number_of_processes(root, form, monkeypatch):
    monkeypatch.setattr("boxsup.catalogue.check.BATCH", 1)  # so that each process has some
    checks = open_source(root / "images", root / SOURCES[form]).listing().checks
    assert list(run_checks(checks, 2)) == list(run_checks(checks, 1))


@pytest.mark.parametrize("form", ["voc_xml", "yolo", "labelme", "coco"])
def test_folders_below_and_masks_of_some_images(tmp_path, made, form):
    first, *others = made
    parts = {"a": {first: made[first]}, "b": {image: made[image] for image in others}}
    for name, part in parts.items():
        own_data.write_images(tmp_path / "images" / name, part, "jpg")
        {"voc_xml": own_data.write_voc_xml, "labelme": own_data.write_labelme}.get(form, lambda *_: None)(
            tmp_path / "boxes" / name, part
        )
    if form == "yolo":  # annotations of all folders in one
        own_data.write_yolo(tmp_path / "boxes", made)
    if form == "coco":
        own_data.write_coco(tmp_path / "boxes.json", made, "jpg")
        content = json.loads((tmp_path / "boxes.json").read_text())
        for image in content["images"]:
            folder = "a" if image["file_name"].startswith(first) else "b"
            image["file_name"] = f"{folder}/{image['file_name']}"
        (tmp_path / "boxes.json").write_text(json.dumps(content))
    own_data.write_masks(tmp_path / "masks", made, [first])
    boxes = {"yolo": "boxes/labels", "coco": "boxes.json"}.get(form, "boxes")
    source = open_source(tmp_path / "images", tmp_path / boxes).with_classes(own_data.FORMS)
    records = [check() for check in source.with_masks(str(tmp_path / "masks")).listing().checks]
    assert [record.problems for record in records] == [[]] * len(made)
    assert [bool(record.mask) for record in records] == [True] + [False] * len(others)
    assert all(record.boxes for record in records)


# --- recognition ------------------------------------------------------------------------------------------------------


def test_what_is_no_annotation_is_said_in_one_line(tmp_path, root):
    cases = {
        "missing": (None, "no such file or folder; expected a COCO JSON"),
        "a.zip": (b"PK", r"found a file \.zip; expected"),
        "empty/": (None, "found no annotation; expected"),
        "txt/a.txt": (b"0 0.5 0.5 1 1", r"found 1 \.txt files, and no data\.yaml in it or above it"),
        "coco/instances.json": (b'{"images": []}', r"found instances\.json, .* no shapes\); name a COCO JSON itself"),
        "super/a.jpg.json": (b'{"objects": [], "size": {}}', r"no shapes\): it looks like Supervisely's own JSON"),
    }
    for name, (content, words) in cases.items():
        place = tmp_path / name.split("/")[0]
        if content is not None or name.endswith("/"):
            (tmp_path / name).parent.mkdir(exist_ok=True) if "." in name else place.mkdir()
        if content is not None:
            (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match=words) as info:
            recognise_format(root / "images", place)
        assert "\n" not in str(info.value)
    with pytest.raises(DataError, match="no such folder of images"):
        recognise_format(tmp_path / "nowhere", root / "xml")
    own_data.write_yolo(tmp_path / "studio", own_data.pictures(1))
    (tmp_path / "studio/data.yaml").unlink()
    (tmp_path / "studio/notes.json").write_text('{"categories": []}')  # Label Studio's, which is no annotation
    with pytest.raises(DataError, match=r"found 1 \.txt files, and no data\.yaml"):
        recognise_format(root / "images", tmp_path / "studio")
    for form in ("xml", "labelme"):
        for file in (root / form).iterdir():
            (tmp_path / "both").mkdir(exist_ok=True)
            (tmp_path / "both" / file.name).write_bytes(file.read_bytes())
    with pytest.raises(DataError, match=r"found 4 \.xml files, 4 \.json files; expected"):
        recognise_format(root / "images", tmp_path / "both")


def test_text_files_beside_another_format_do_not_matter(tmp_path, root, made):
    own_data.write_voc_xml(tmp_path / "xml", made)
    (tmp_path / "xml/train.txt").write_text("picture_00\n")
    assert recognise_format(root / "images", tmp_path / "xml") == "voc_xml"


def test_xml_of_other_tools_beside_annotations_does_not_matter(tmp_path, root, made):
    own_data.write_yolo(tmp_path / "yolo", made)
    labels = tmp_path / "yolo/labels"
    for image in made:
        (labels / f"{image}.tif.aux.xml").write_text("<PAMDataset><Metadata/></PAMDataset>")  # GDAL's
    assert recognise_format(root / "images", labels) == "yolo"
    (labels / "notes.json").write_text("{}")
    assert recognise_format(root / "images", labels) == "yolo"
    own_data.write_labelme(tmp_path / "labelme", made)
    (tmp_path / "labelme/a.tif.aux.xml").write_text("<PAMDataset/>")
    assert recognise_format(root / "images", tmp_path / "labelme") == "labelme"
    own_data.write_voc_xml(tmp_path / "xml", made)
    (tmp_path / "xml/a.tif.aux.xml").write_text("<PAMDataset/>")
    (tmp_path / "xml/notes.json").write_text("{}")
    assert recognise_format(root / "images", tmp_path / "xml") == "voc_xml"


@pytest.mark.parametrize("content", ["<annotation/>", "<annotation>", "", "<a><object/></a>"])
def test_xml_that_may_be_vocs_is_not_passed_over_for_what_lies_beside_it(tmp_path, root, made, content):
    own_data.write_yolo(tmp_path, made)
    (tmp_path / "labels/a.tif.aux.xml").write_text("<PAMDataset/>")
    (tmp_path / "labels/b.xml").write_text(content)
    with pytest.raises(DataError, match=r"found 2 \.xml files, 4 \.txt files; expected"):
        recognise_format(root / "images", tmp_path / "labels")


# --- VOC XML ----------------------------------------------------------------------------------------------------------


def test_xml_that_counts_from_zero_is_noticed(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "xml").mkdir()
    for image, corners in (("a", (0, 2, 30, 20)), ("b", (3, 4, 9, 10))):
        Image.fromarray(np.zeros((*SIZE, 3), np.uint8)).save(tmp_path / f"images/{image}.png")
        tags = "".join(f"<{tag}>{x}</{tag}>" for tag, x in zip(("xmin", "ymin", "xmax", "ymax"), corners, strict=True))
        xml = f"<annotation><object><name>cat</name><bndbox>{tags}</bndbox></object></annotation>"
        (tmp_path / f"xml/{image}.xml").write_text(xml)
    source = open_source(tmp_path / "images", tmp_path / "xml")
    assert source.corners == "plane"
    boxes = [check().boxes for check in source.listing().checks]
    assert boxes == [[Box(1, 0, 2, 30, 20)], [Box(1, 3, 4, 9, 10)]]
    (tmp_path / "xml/a.xml").unlink()
    source = open_source(tmp_path / "images", tmp_path / "xml")
    assert source.corners == "voc"
    _, b = (check() for check in source.listing().checks)
    assert b.boxes == [Box(1, 2, 3, 9, 10)]


# --- YOLO -------------------------------------------------------------------------------------------------------------


def yolo(text, drawn=False):
    return read_labels({0: 2, 1: "cow", 2: 1}, text if isinstance(text, bytes) else text.encode(), *SIZE, drawn)


ONE_PIXEL = Box(1, 9, 5, 10, 6)
CLICKS = {  # format -> a box of its without width and height, at (9, 5), and how its note begins
    "coco": ({"bbox": [9, 5, 0, 0]}, "bbox [9, 5, 0, 0] has"),
    "coco, turned": ({"bbox": [9, 5, 0, 0], "attributes": {"rotation": 90}}, "the box, turned by 90°, has"),
    "coco, a polygon": ({"segmentation": [np.array([9.0, 5, 9, 5, 9, 5])]}, "its polygon has"),
    "yolo": ("0 0.3 0.25 0 0", "line 1: the box 0.3 0.25 0 0 has"),
    "yolo, a polygon": ("0 0.3 0.25 0.3 0.25 0.3 0.25", "line 1: its polygon has"),
    "labelme": (("rectangle", [[9, 5], [9, 5]]), "shape 1: the rectangle has"),
    "labelme, a polygon": (("polygon", [[9, 5]] * 3), "shape 1: the polygon has"),
    "labelme, turned": (("rotation", [[9, 5]] * 4), "shape 1: the rotation has"),
    "labelme, a circle": (("circle", [[9, 5]] * 2), "shape 1: the circle has"),
    "xml": ("<bndbox><xmin>9</xmin><ymin>5</ymin><xmax>9</xmax><ymax>5</ymax></bndbox>", "object 1: box (9, 5) to"),
    "xml, turned": (
        "<robndbox><cx>9</cx><cy>5</cy><w>0</w><h>0</h><angle>1</angle></robndbox>",
        "object 1: the rotated box has",
    ),
    "xml, a polygon": (f"<polygon>{'<pt><x>9</x><y>5</y></pt>' * 3}</polygon>", "object 1: its polygon has"),
}


def click(form, content):
    """The object of a box, parsed as the format is; COCO's notes get their number later."""
    if form.startswith("coco"):
        return parse_annotation(content, 1, *SIZE, drawn=False)
    if form.startswith("yolo"):
        [thing], problems = read_labels({0: 1}, content.encode(), *SIZE, False)
    elif form.startswith("labelme"):
        kind, points = content
        shapes = [{"label": "cat", "shape_type": kind, "points": points}]
        [thing], problems = read_shapes(CLASSES, json.dumps({"shapes": shapes}).encode(), *SIZE, False)
    else:
        xml = f"<annotation><object><name>cat</name>{content}</object></annotation>".encode()
        [thing], problems = read_objects(xml, *SIZE, CLASSES, "plane")
    assert problems == []
    return thing


@pytest.mark.parametrize("form", CLICKS)
def test_a_box_without_width_and_height_counts_as_a_pixel_and_it_is_said(form):
    content, words = CLICKS[form]
    thing = click(form, content)
    assert thing.box == ONE_PIXEL
    assert thing.note.startswith(words)
    assert thing.note.endswith("has no width and no height: it counts as one pixel")


def test_a_box_with_one_side_only_is_said_to_have_none_of_the_other():
    assert click("coco", {"bbox": [9, 5, 0, 3]}).note == "bbox [9, 5, 0, 3] has no width: it counts as one pixel wide"
    assert click("yolo", "0 0.3 0.25 0.1 0").note.endswith("0.1 0 has no height: it counts as one pixel high")
    assert click("coco", {"bbox": [9, 5, 0.1, 0.1]}).note == ""


def test_a_box_of_one_pixel_is_one_where_corners_are_pixels():
    """VOC's `xmin` equal to `xmax` is one pixel."""
    inner = CLICKS["xml"][0]
    xml = f"<annotation><object><name>cat</name>{inner}</object></annotation>".encode()
    [thing], _ = read_objects(xml, *SIZE, CLASSES, "voc")
    assert (thing.box, thing.note) == (Box(1, 8, 4, 9, 5), "")


def test_a_box_of_yolo_by_hand():
    # 30×20: the middle at (9, 5), 6 wide, 4 high.
    assert yolo("0 0.3 0.25 0.2 0.2\n")[0][0].box == Box(2, 6, 3, 12, 7)
    assert yolo("2.0 0.5 0.5 1 1")[0][0].box == Box(1, 0, 0, 30, 20)
    [other], problems = yolo("1 0.5 0.5 1 1\n\n")  # none of our classes; an empty line
    assert (other.other, other.is_object, problems) == ("cow", False, [])
    assert yolo("﻿0 0.5 0.5 1 1".encode())[1] == []


@pytest.mark.parametrize("line", ["3 0.5 0.5 0.2 0.2", "3 0.1 0.1 0.5 0.1 0.5 0.5"])
def test_an_object_of_yolos_background_is_none_and_said(line):
    text = f"0 0.3 0.25 0.2 0.2\n{line}\n2 0.5 0.5 1 1\n"
    things, problems = read_labels({0: 2, 2: 1, 3: 0}, text.encode(), *SIZE, False)
    assert problems == []
    assert [(thing.box.class_id, thing.origin) for thing in things if thing.is_object] == [(2, (0,)), (1, (2,))]
    assert [thing.note for thing in things] == ["", "line 2: its class is the background, it is no object", ""]


def test_a_box_of_yolo_that_leaves_its_image_by_rounding_ends_with_it():
    # Three digits of 4000 px are 4 px: a middle of 0.9955 was written as 0.996.
    [thing], problems = read_labels({0: 1}, b"0 0.996 0.5 0.009 0.5", 100, 4000, False)
    assert (problems, thing.box) == ([], Box(1, 3966, 25, 4000, 75))
    for line in (b"0 0.996 0.5 0.010 0.5", b"0 0.996000 0.5 0.009000 0.5", b"0 0.9 0.5 0.3 0.5"):
        assert "is not inside its image" in read_labels({0: 1}, line, 100, 4000, False)[1][0]


def test_an_oriented_box_of_yolo_is_the_upright_one_around_it():
    assert yolo("0 0.5 0.1 0.7 0.5 0.5 0.9 0.3 0.5")[0][0].box == Box(2, 9, 2, 21, 18)


def test_a_polygon_of_yolo_is_its_tight_box_and_its_pixels():
    line = "0 0.1 0.1 0.5 0.1 0.5 0.3 0.1 0.3"  # x 3 to 15, y 2 to 6
    [thing], problems = yolo(line, drawn=True)
    expected = np.zeros(SIZE, bool)
    expected[2:6, 3:15] = True
    assert (problems, thing.box) == ([], Box(2, 3, 2, 15, 6))
    np.testing.assert_array_equal(thing.pixels, expected)
    assert yolo(line)[0][0].pixels is None


def test_a_polygon_that_leaves_its_image_has_the_box_of_what_is_inside():
    # From (3, 2) and (15, 2) to (45, 6): at the border, x = 30, the upper side is at y 4, the lower one at 4.57.
    for drawn in (False, True):
        [thing], problems = yolo("0 0.1 0.1 0.5 0.1 1.5 0.3", drawn=drawn)
        assert (problems, thing.box, thing.pixels) == ([], Box(2, 3, 2, 30, 5), None)
        words = "a polygon leaves its image by 15.0 px: its box ends at the border, and it is no mask"
        assert thing.note == f"line 1: {words}"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("0 0.5 0.5 1", "expected `class x y width height`, or `class` and at least three corners `x y`, got 4"),
        ("0 0.5 0.5 1 1 0.9", "got 6 fields"),
        ("0 0.5 0.5 1 1 0.9 0.9 0.9", "got 8 fields"),
        ("3 0.5 0.5 1 1", "class 3 is none of those that are named, 0 to 2"),
        ("-1 0.5 0.5 1 1", "class -1 is none"),
        ("0.5 0.5 0.5 1 1", "class 0.5 is none"),
        ("cat 0.5 0.5 1 1", "expected numbers, got 'cat"),
        ("0 nan 0.5 1 1", "expected numbers"),
        ("0 1e400 0.5 1 1", "expected numbers"),
        ("0 15 10 30 20", "must be shares of the image's width and height, from 0 to 1, not pixels"),
        ("0 0.9 0.5 0.5 1", "the box 0.9 0.5 0.5 1 is not inside its image of 30×20 pixels"),
        ("0 0.5 0.5 -0.1 1", "a width or height below 0"),
        ("0 1.1 0.1 1.5 0.1 1.5 0.3", "a polygon is outside of its image"),
    ],
)
def test_a_bad_line_of_yolo_is_a_problem_that_numbers_it(line, words):
    things, [text] = yolo(f"0 0.5 0.5 1 1\n{line}\n")
    assert len(things) == 1
    assert text.startswith("line 2: ")
    assert words in text


def tenths(least, most):
    return st.integers(least, most).map(lambda number: str(number / 10))


NUMBERS = (
    st.tuples(tenths(3, 7), tenths(3, 7), tenths(1, 6), tenths(1, 6))  # a box
    | st.lists(tenths(-2, 12), min_size=4, max_size=9)
    | st.lists(st.sampled_from(["nan", "1e400", "x", "-", "0.5"]), max_size=6)
)
NAMES = st.sampled_from(["0", "1", "2", "3", "-1", "cat"])
LINES = st.builds(lambda name, rest: " ".join([name, *rest]), NAMES, NUMBERS)


@given(
    st.binary(max_size=60)
    | st.text(alphabet="0123456789.- e\n", max_size=60).map(str.encode)
    | st.lists(LINES, max_size=4).map("\n".join).map(str.encode)
)
def test_whatever_a_label_file_holds_it_is_read_or_a_problem(content):
    things, texts = yolo(content, drawn=True)
    for thing in (thing for thing in things if not thing.other):
        assert 0 <= thing.box.x0 < thing.box.x1 <= 30
        assert 0 <= thing.box.y0 < thing.box.y1 <= 20
    assert all("\n" not in text for text in texts)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('names: ["cat\\ndog"]', "names: expected numbers from 0 with a name each"),
        ("names: [cat, {a: b}]", "names: expected numbers from 0 with a name each"),
        ("names: {-1: cat}", "expected numbers from 0"),
        ("names: {cat: 0}", "expected numbers from 0"),
        ("names: []", "it must name the classes"),
        ("nc: 2", "it must name the classes"),
        ("[1, 2", "not readable as YAML"),
        ("names: !!python/object/apply:os.mkdir [made]", "not readable as YAML"),
        ("[" * 5000, "not readable as YAML"),
        ("kpt_shape: [17, 3]\nnames: [cat]", "labels are of keypoints"),
        ("x: " + "y" * 2**20, "at most 1,048,576 are read"),
    ],
)
def test_a_file_that_names_no_classes_says_how_to(tmp_path, content, words):
    (tmp_path / "data.yaml").write_text(content)
    with pytest.raises(DataError, match=words) as info:
        read_names(tmp_path / "data.yaml")
    assert "\n" not in str(info.value)


@pytest.mark.parametrize(
    ("content", "names"),
    [
        ("names: [on, off]", ["on", "off"]),  # YAML reads booleans
        (
            "names: {0: no, 1: 1e3, 2: 007, 3: 12:30, 4: ~, 5: 2020-01-01}",
            ["no", "1e3", "007", "12:30", "~", "2020-01-01"],
        ),
        ("names: [' cat ', 'e\u0301']", ["cat", "é"]),
    ],
)
def test_names_of_classes_are_what_is_written(tmp_path, content, names):
    (tmp_path / "data.yaml").write_text(content)
    assert read_names(tmp_path / "data.yaml") == dict(enumerate(names))


def test_a_text_beside_the_labels_names_the_classes_where_no_yaml_does(tmp_path, root):
    (tmp_path / "labels").mkdir()
    for file in (root / "yolo/labels").iterdir():
        (tmp_path / "labels" / file.name).write_bytes(file.read_bytes())
    (tmp_path / "labels/classes.txt").write_bytes("\ufeffstar\r\n ring \r\ncrescent\r\n\r\n".encode())
    source = open_source(root / "images", tmp_path / "labels")
    assert source.classes[1:] == ("star", "ring", "crescent")
    assert source.split_settings()["data"] == str(tmp_path / "labels/classes.txt")
    assert all(record.boxes and not record.problems for record in run_checks(source.listing().checks, 1))
    (tmp_path / "data.yaml").write_bytes((root / "yolo/data.yaml").read_bytes())
    assert open_source(root / "images", tmp_path / "labels").classes[1:] == own_data.FORMS


def test_which_file_names_yolos_classes_is_said_and_which_others_name_them_otherwise(tmp_path):
    own_data.write_images(tmp_path / "birds/images", own_data.pictures(1))
    (tmp_path / "birds/labels").mkdir()
    (tmp_path / "birds/labels/picture_00.txt").write_text("0 0.5 0.5 0.5 0.5\n")
    names = tmp_path / "birds/labels/classes.txt"
    names.write_text("bird\nnest\n")

    def notes():
        return open_source(tmp_path / "birds/images", tmp_path / "birds/labels").notes

    assert notes() == (f"the classes are named by {names}",)
    data = tmp_path / "data.yaml"  # two folders up; it comes first
    used = f"the classes are named by {data}"
    otherwise = f"{names} is not used, and names classes otherwise: "
    data.write_text("names: [car, nest]\n")
    assert notes() == (used, f"{otherwise}0 is 'bird', in {data} it is 'car'")
    data.write_text("names: [bird]\n")
    assert notes() == (used, f"{otherwise}1 is 'nest', in {data} it has no name")
    data.write_text("names: {0: bird, 1: nest}\n")
    assert notes() == (used,)
    names.write_bytes(b"\xff\n")  # nobody reads it
    assert notes() == (used,)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty; expected a class's name on each line"),
        (b"cat\n\ndog\n", "expected numbers from 0 with a name each, 1 has none to show"),
        ("狗\n".encode("gbk"), "byte 0 is no UTF-8; save it as UTF-8"),
    ],
)
def test_a_text_that_names_no_classes_says_how_to(tmp_path, content, words):
    (tmp_path / "classes.txt").write_bytes(content)
    with pytest.raises(DataError, match=words):
        read_names(tmp_path / "classes.txt")


def test_names_of_classes_may_be_numbers_and_their_numbers_have_gaps(tmp_path):
    (tmp_path / "data.yaml").write_text("names: {0: 5, 7: cat}")
    assert read_names(tmp_path / "data.yaml") == {0: "5", 7: "cat"}


def test_an_image_without_a_label_file_is_background_in_yolo_and_not_annotated_elsewhere(tmp_path, made):
    own_data.write_images(tmp_path / "images", made)
    own_data.write_yolo(tmp_path / "yolo", made)
    own_data.write_labelme(tmp_path / "labelme", made)
    for file in ("yolo/labels/picture_00.txt", "labelme/picture_00.json"):
        (tmp_path / file).unlink()
    first, *_ = (check() for check in open_source(tmp_path / "images", tmp_path / "yolo/labels").listing().checks)
    assert (first.boxes, first.problems) == ([], [])
    first, second, *_ = (check() for check in open_source(tmp_path / "images", tmp_path / "labelme").listing().checks)
    assert "the image is not annotated" in first.problems[0].problem
    assert second.problems == []


# --- LabelMe ----------------------------------------------------------------------------------------------------------


def labelme(*shapes, drawn=False, **more):
    shapes = [{"label": "cat", "shape_type": "rectangle", "points": [[3, 2], [9, 7]]} | shape for shape in shapes]
    return read_shapes(CLASSES, json.dumps({"shapes": shapes} | more).encode(), *SIZE, drawn)


def test_shapes_of_labelme_by_hand():
    boxes = [
        {},
        {"points": [[9.2, 7], [3, 1.6]], "label": "dog"},  # corners in any order
        {"points": [[3, 2], [9, 2], [9, 7], [3, 7]]},  # all four
        {"shape_type": "rotation", "points": [[6, 2], [9, 4], [6, 7], [3, 5]]},  # X-AnyLabeling's
        {"shape_type": "oriented_rectangle", "points": [[6, 2], [9, 4], [6, 7], [3, 5]]},  # LabelMe's
        {"shape_type": "quadrilateral", "points": [[6, 2], [9, 4], [6, 7], [3, 5]]},
        {"shape_type": "mask", "points": [[3, 2], [8, 6]]},  # its last pixel
        {"shape_type": "circle", "points": [[10, 10], [14, 10]]},
        {"shape_type": "polygon", "points": [[3, 2], [9, 2], [9, 7]]},
        {"points": [[-0.8, -0.2], [30.9, 20]]},  # a border drawn at the edge
    ]
    things, problems = labelme(*boxes)
    assert problems == []
    assert [tuple(thing.box[:5]) for thing in things] == [
        (1, 3, 2, 9, 7),
        (2, 3, 2, 9, 7),
        *[(1, 3, 2, 9, 7)] * 5,
        (1, 6, 6, 14, 14),
        (1, 3, 2, 9, 7),
        (1, 0, 0, 30, 20),
    ]


def test_shapes_of_a_group_are_one_object():
    left = {"shape_type": "polygon", "points": [[1, 1], [4, 1], [4, 3], [1, 3]], "group_id": 5}
    right = {"shape_type": "polygon", "points": [[8, 1], [9, 1], [9, 6], [8, 6]], "group_id": 5}
    [thing, other], problems = labelme(left, right, right | {"label": "dog"}, drawn=True)
    expected = np.zeros(SIZE, bool)
    expected[1:3, 1:4] = expected[1:6, 8:9] = True
    assert (problems, thing.box) == ([], Box(1, 1, 1, 9, 6))
    assert other.box == Box(2, 8, 1, 9, 6)
    np.testing.assert_array_equal(thing.pixels, expected)
    [thing], _ = labelme(left, {"group_id": 5}, drawn=True)
    assert thing.pixels is None  # a part is known by its box only


def in_base64(pixels):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def test_a_mask_of_labelme_is_placed_in_its_box():
    inner = np.array([[1, 0, 1], [0, 1, 1]], np.uint8)
    shape = {"shape_type": "mask", "points": [[4, 6], [6, 7]], "mask": in_base64(inner)}
    [thing], problems = labelme(shape, drawn=True)
    expected = np.zeros(SIZE, bool)
    expected[6:8, 4:7] = inner
    assert (problems, thing.box) == ([], Box(1, 4, 6, 7, 8))
    np.testing.assert_array_equal(thing.pixels, expected)
    assert labelme(shape)[0][0].pixels is None
    assert labelme(shape | {"mask": None}, drawn=True)[0][0].pixels is None  # its box is all that is known


@pytest.mark.parametrize(
    ("mask", "words"),
    [
        ("no base64!", "its mask is no PNG that fits its box"),
        ("AAAA", "its mask is no PNG that fits its box"),
        (in_base64(np.ones((3, 3), np.uint8)), r"(3×3 pixels in a box of 3×2)"),
        (in_base64(np.ones((2, 3, 3), np.uint8)), "no PNG of one channel"),
    ],
)
def test_a_box_counts_whose_mask_does_not_fit(mask, words):
    shape = {"shape_type": "mask", "points": [[4, 6], [6, 7]], "mask": mask}
    assert labelme(shape)[0][0].note == ""
    things, problems = labelme({"label": "dog"}, shape, drawn=True)
    assert problems == []
    assert [thing.box for thing in things] == [Box(2, 3, 2, 9, 7), Box(1, 4, 6, 7, 8)]
    assert things[1].pixels is None
    assert things[1].note.startswith("shape 2: ")
    assert words in things[1].note


def test_a_turned_rectangle_and_a_polygon_end_at_the_border():
    turned = {"shape_type": "rotation", "points": [[-3, 5], [2, 0], [7, 5], [2, 10]]}
    polygon = {"shape_type": "polygon", "points": [[-3, 5], [2, 0], [7, 5], [2, 10]]}
    for drawn in (False, True):
        things, problems = labelme(turned, polygon, drawn=drawn)
        assert problems == []
        assert [thing.box for thing in things] == [Box(1, 0, 0, 7, 10)] * 2
        assert [thing.pixels for thing in things] == [None, None]
        assert (
            things[0].note
            == "shape 1: the rotation leaves its image by 3.0 px: its box ends at the border, and it is no mask"
        )
        assert things[1].note.startswith("shape 2: a polygon leaves its image by 3.0 px")


def test_labels_are_one_class_however_they_are_spelled():
    things, problems = labelme({"label": " cat"}, {"label": "cat\t"}, {"label": "dog"})
    assert problems == []
    assert [thing.box.class_id for thing in things] == [1, 1, 2]
    shapes = {
        "shapes": [{"label": label, "points": [[3, 2], [9, 7]]} for label in (1, " 1 ", "dog", "dog ", 2.5, "", None)]
    }
    assert list(dict.fromkeys(class_names(json.dumps(shapes).encode()))) == ["1", "dog", "2.5"]


def test_regions_of_labelme_are_void_or_background_and_no_boxes():
    square = [[0, 0], [8, 0], [8, 8], [0, 8]]
    cat = {"shape_type": "polygon", "points": square}
    hole = {"shape_type": "polygon", "points": [[2, 2], [4, 2], [4, 4], [2, 4]], "label": "_background_"}
    ignored = {"points": [[6, 6], [7, 8]], "label": "__ignore__"}  # a rectangle: its pixels are known
    things, problems = labelme(cat, hole, ignored, drawn=True)
    assert problems == []
    assert [thing.box.class_id for thing in things if thing.is_object] == [1]
    assert [thing.note for thing in things] == [
        "",
        "shape 2: background, no object",
        "shape 3: void in true masks, no object",
    ]
    masks = {kind: np.asarray(Image.open(io.BytesIO(png))) for kind, png in encode_masks(*SIZE, things).items()}
    expected = np.zeros(SIZE, np.uint8)
    expected[:8, :8], expected[2:4, 2:4], expected[6:8, 6:7] = 1, 0, 255
    np.testing.assert_array_equal(masks["mask"], expected)
    np.testing.assert_array_equal(masks["objects"], expected)
    assert class_names(json.dumps({"shapes": [cat | {"label": "cat"}, hole, ignored]}).encode()) == ["cat"]


def test_a_shape_without_a_point_is_passed_over():
    things, problems = labelme({"shape_type": "polygon", "points": []}, {}, drawn=True)
    assert problems == []
    assert [thing.box for thing in things if thing.is_object] == [Box(1, 3, 2, 9, 7)]
    assert [thing.note for thing in things if thing.note] == ["shape 1: has no points, and is skipped"]


def test_the_size_that_a_file_says_is_held_against_the_image():
    assert labelme({}, imageWidth=30.0, imageHeight=20)[1] == []
    assert labelme({}, imageWidth=None, imageHeight=0)[1] == []
    assert "was made for an image of 20.0×30 pixels" in labelme({}, imageWidth=20.0, imageHeight=30)[1][0]


def test_what_the_file_says_of_its_image_besides_does_not_matter():
    more = {"imagePath": "..\\photos\\other.png", "imageData": "no image", "version": "3.16.7", "flags": {"done": True}}
    assert labelme({"flags": None, "direction": 1.5, "difficult": False}, **more)[1] == []
    [thing], _ = labelme({"shape_type": None, "points": [[3, 2], [9, 2], [9, 7]]})  # files of old versions have none
    assert thing.box == Box(1, 3, 2, 9, 7)


def test_labels_of_classes_that_are_left_out_are_background_where_somebody_says_so():
    points = {"points": [[3, 2], [9, 7]], "shape_type": "rectangle"}
    shapes = [{"label": label, "group_id": group} | points for label, group in (("cow", 1), ("cow", 1), ("cow", None))]
    content = json.dumps({"shapes": [*shapes, {"label": "cat"} | points, {"label": None} | points]}).encode()
    things, [text] = read_shapes(CLASSES, content, *SIZE, drawn=True, others=True)
    assert text.startswith("shape 5: unknown label 'None'")
    assert [(thing.is_object, thing.other) for thing in things] == [(True, ""), (False, "cow"), (False, "cow")]
    assert len(read_shapes(CLASSES, content, *SIZE, drawn=True)[1]) == 4


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ({"label": "cow"}, "unknown label 'cow'; known are cat, dog"),
        ({"label": None}, "unknown label 'None'"),
        ({"shape_type": "line"}, "shape_type 'line' with 2 points is no rectangle, polygon, circle or mask"),
        ({"shape_type": "polygon"}, "at least three corners"),
        ({"shape_type": "polygon", "points": [[31, 2], [39, 2], [39, 7]]}, "a polygon is outside of its image"),
        ({"shape_type": "oriented_rectangle"}, "shape_type 'oriented_rectangle' with 2 points is no rectangle"),
        ({"shape_type": "point", "points": [[3, 2]]}, "shape_type 'point' with 1 points is no rectangle"),
        ({"points": [[1, 2]]}, "shape_type 'rectangle' with 1 points"),
        ({"points": [[1, 2], [1]]}, r"points must be a list of [x, y]"),
        ({"points": [[1, 2], [1, float("nan")]]}, "points must be a list"),
        ({"points": [[1, 2], ["1", 3]]}, "points must be a list"),
        ({"points": None}, "points must be a list"),
        ({"points": [[1, 2], [40, 9]]}, "the rectangle is not inside its image of 30×20"),
    ],
)
def test_a_bad_shape_is_a_problem_that_numbers_it(shape, words):
    things, [text] = labelme({}, shape)
    assert len(things) == 1
    assert text.startswith("shape 2: ")
    assert words in text


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"{", "not readable as JSON"),
        (b"\xff\xfe{", "not readable as JSON"),
        (b"[" * 100_000, "not readable as JSON"),
        (b"[]", "expected LabelMe's JSON"),
        (b'{"shapes": [1]}', "expected LabelMe's JSON"),
        (b'{"shapes": [], "imageWidth": 20, "imageHeight": 30}', "was made for an image of 20×30 pixels"),
    ],
)
def test_what_is_no_file_of_labelmes_is_a_problem(content, words):
    things, [text] = read_shapes(CLASSES, content, *SIZE, False)
    assert things == []
    assert words in text


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["label", "points", "x"]), inner),
    max_leaves=8,
)


@given(
    points=JSON | st.lists(st.lists(st.floats(-3, 35), min_size=2, max_size=2), max_size=5),
    kind=JSON | st.sampled_from(["polygon", "rectangle", "circle", "mask"]),
    group=JSON,
)
def test_whatever_a_shape_holds_it_is_read_or_a_problem(points, kind, group):
    things, texts = labelme({"points": points, "shape_type": kind, "group_id": group}, drawn=True)
    assert len(things) + len(texts) == 1
    for thing in things if points else ():
        assert 0 <= thing.box.x0 < thing.box.x1 <= 30
        assert 0 <= thing.box.y0 < thing.box.y1 <= 20


# --- masks from annotations -------------------------------------------------------------------------------------------


def test_masks_are_drawn_of_images_whose_every_object_has_a_polygon(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "labels").mkdir()
    (tmp_path / "data.yaml").write_text(yaml.safe_dump({"names": ["cat", "dog"]}))
    polygon = "1 0.1 0.1 0.5 0.1 0.5 0.3 0.1 0.3\n"
    for image, text in (("a", polygon), ("b", polygon + "0 0.5 0.5 0.2 0.2\n"), ("c", "")):
        Image.fromarray(np.zeros((*SIZE, 3), np.uint8)).save(tmp_path / f"images/{image}.png")
        (tmp_path / f"labels/{image}.txt").write_text(text)
    source = open_source(tmp_path / "images", tmp_path / "labels").with_masks("annotations")
    a, b, c = (check() for check in source.listing().checks)
    mask = np.asarray(Image.open(io.BytesIO(a.drawn["mask"])))
    assert (mask[2:6, 3:15] == 2).all()
    assert (mask > 0).sum() == 4 * 12
    assert b.drawn == {}
    assert not np.asarray(Image.open(io.BytesIO(c.drawn["mask"]))).any()
