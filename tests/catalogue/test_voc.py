import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from boxsup.catalogue.names import id_fault
from boxsup.catalogue.readers.voc_objects import read_boxes, read_objects
from boxsup.catalogue.records import Box, parse_classes, read_list, unknown_values
from boxsup.errors import ConfigError, DataError

CLASSES = ("background", "cat", "dog")


def annotation(corners, name="cat", difficult="0"):
    tags = "".join(
        f"<{tag}>{value}</{tag}>" for tag, value in zip(("xmin", "ymin", "xmax", "ymax"), corners, strict=True)
    )
    flag = "" if difficult is None else f"<difficult>{difficult}</difficult>"
    return f"<annotation><object><name>{name}</name>{flag}<bndbox>{tags}</bndbox></object></annotation>".encode()


def test_one_based_inclusive_corners_become_half_open_ones_from_zero():
    # The whole of a picture of 5×4 pixels, and its top left pixel.
    assert read_boxes(annotation((1, 1, 5, 4)), 4, 5, CLASSES) == ([Box(1, 0, 0, 5, 4, 0)], [])
    assert read_boxes(annotation((1, 1, 1, 1)), 4, 5, CLASSES) == ([Box(1, 0, 0, 1, 1, 0)], [])


@given(st.data())
def test_a_box_paints_exactly_the_pixels_that_voc_means(data):
    height, width = data.draw(st.integers(1, 12)), data.draw(st.integers(1, 12))
    xmin, ymin = data.draw(st.integers(1, width)), data.draw(st.integers(1, height))
    xmax, ymax = data.draw(st.integers(xmin, width)), data.draw(st.integers(ymin, height))
    [box], problems = read_boxes(annotation((xmin, ymin, xmax, ymax)), height, width, CLASSES)
    painted = np.zeros((height, width), bool)
    painted[box.y0 : box.y1, box.x0 : box.x1] = True
    rows, columns = np.mgrid[1 : height + 1, 1 : width + 1]
    assert problems == []
    np.testing.assert_array_equal(painted, (xmin <= columns) & (columns <= xmax) & (ymin <= rows) & (rows <= ymax))


def test_fractional_corners_are_rounded_half_up():
    [box], _ = read_boxes(annotation(("1.4", "1.5", "45.70000076293945", "2.5")), 50, 50, CLASSES)
    assert box == Box(1, 0, 1, 46, 3, 0)


def test_difficult_is_read_and_missing_means_no():
    boxes = [read_boxes(annotation((1, 1, 2, 2), "dog", flag), 4, 4, CLASSES)[0][0] for flag in ("1", "0", None)]
    assert [(box.class_id, box.difficult) for box in boxes] == [(2, 1), (2, 0), (2, 0)]


def test_boxes_of_parts_are_no_objects():
    part = b"<part><name>head</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>2</xmax><ymax>2</ymax></bndbox></part>"
    xml = annotation((1, 1, 4, 4)).replace(b"</object>", part + b"</object>")
    assert read_boxes(xml, 4, 4, CLASSES) == ([Box(1, 0, 0, 4, 4, 0)], [])


@pytest.mark.parametrize(
    ("corners", "name", "difficult", "expected"),
    [
        ((0, 1, 3, 3), "cat", "0", "object 1: box (0, 1) to (3, 3) is not inside its image"),
        ((1, 0, 3, 3), "cat", "0", "not inside its image, whose pixels are (1, 1) to (5, 4)"),
        ((1, 1, 6, 3), "cat", "0", "not inside its image"),
        ((1, 1, 5, 5), "cat", "0", "not inside its image"),
        ((3, 1, 2, 3), "cat", "0", "inside out"),
        ((1, 3, 3, 2), "cat", "0", "inside out"),
        ((1, 1, 2, 2), "cow", "0", "unknown class 'cow'; known are cat, dog"),
        ((1, 1, 2, 2), "cat", "2", "difficult must be 0 or 1, got '2'"),
        ((1, 1, "nan", 2), "cat", "0", "bndbox/xmax must be a number, got 'nan'"),
        ((1, "", 2, 2), "cat", "0", "bndbox/ymin must be a number, got ''"),
    ],
)
def test_a_wrong_object_is_named_with_what_is_wrong(corners, name, difficult, expected):
    boxes, problems = read_boxes(annotation(corners, name, difficult), 4, 5, CLASSES)
    assert boxes == []
    assert len(problems) == 1
    assert expected in problems[0]


def test_objects_called_background_are_none():
    assert read_boxes(annotation((1, 1, 2, 2), "background"), 4, 5, CLASSES) == ([], [])


def test_objects_that_are_passed_over_are_said_and_keep_their_places():
    objects = (
        "<object><name>{}</name>{}<bndbox><xmin>1</xmin><ymin>1</ymin><xmax>2</xmax><ymax>2</ymax></bndbox></object>"
    )
    inner = [("Background", ""), ("dog", ""), ("dog", "<deleted>1</deleted>"), ("dog", "")]
    xml = "".join(objects.format(*each) for each in inner)
    things, problems = read_objects(f"<annotation>{xml}</annotation>".encode(), 4, 5, CLASSES, "voc")
    assert problems == []
    assert [thing.note for thing in things] == [
        "object 1: its class is the background, it is no object",
        "",
        "object 3: is marked as deleted",
        "",
    ]
    assert [thing.origin for thing in things if thing.is_object] == [(1,), (3,)]


def test_all_wrong_objects_are_listed_and_right_ones_kept():
    wrong, right = annotation((2, 2, 1, 1)), annotation((1, 1, 2, 2))
    inner = b"".join(xml.removeprefix(b"<annotation>").removesuffix(b"</annotation>") for xml in (wrong, right, wrong))
    boxes, problems = read_boxes(b"<annotation>" + inner + b"</annotation>", 4, 4, CLASSES)
    assert boxes == [Box(1, 0, 0, 2, 2, 0)]
    assert [problem.split(":")[0] for problem in problems] == ["object 1", "object 3"]


@pytest.mark.parametrize(
    ("xml", "expected"),
    [
        (b"{}", "not XML"),
        (b"", "not XML"),
        (b"<annotation><object>", "not XML"),
        (b"\xff\xfe\x00", "not XML"),
        (b'<?xml version="1.0" encoding="nonsense"?><annotation/>', "not XML"),
        (b'<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]><annotation>&e;</annotation>', "DTD or entities"),
        (b'<!DOCTYPE a [<!ENTITY e "ha"><!ENTITY f "&e;&e;">]><annotation>&f;</annotation>', "DTD or entities"),
        (b'<!DOCTYPE annotation SYSTEM "voc.dtd"><annotation/>', "DTD or entities"),
    ],
)
def test_what_is_no_plain_xml_is_refused(xml, expected):
    boxes, problems = read_boxes(xml, 4, 4, CLASSES)
    assert boxes == []
    assert len(problems) == 1
    assert expected in problems[0]


def test_unknown_labels_are_those_between_the_classes_and_void():
    mask = np.array([[0, 2, 255], [3, 254, 1]], np.uint8)
    assert unknown_values(mask, 3) == [3, 254]
    assert unknown_values(mask, 255) == []
    assert unknown_values(mask[:1], 3) == []


def test_a_list_is_read_in_order_without_empty_lines(tmp_path):
    path = tmp_path / "train.txt"
    path.write_bytes("\ufeffb 1\r\n\r\n  0012 \nété\n".encode())
    assert read_list(path) == (["b 1", "0012", "été"], [])


def test_wrong_ids_of_a_list_are_problems(tmp_path):
    path = tmp_path / "train.txt"
    path.write_text("a\n../x\nb\na\n/etc/x\n")
    images, problems = read_list(path)
    assert images == ["a", "b"]
    assert [problem.image for problem in problems] == ["../x", "a", "/etc/x"]
    assert "more than once" in problems[1].problem


@pytest.mark.parametrize("text", ["../x", "a/b", "a\\b", ".hidden", "..", "c:x", "a\0b", "x" * 300])
def test_what_is_no_file_name_is_no_id(text):
    assert id_fault(text)


@pytest.mark.parametrize("text", ["2007_000032", "0", "IMG 12 (1)", "a.b", "été-1"])
def test_file_names_are_ids(text):
    assert id_fault(text) is None


@pytest.mark.parametrize(("content", "expected"), [(b"\n \n", "lists no image"), (b"\xff\xd8\x80", "not a text file")])
def test_a_list_without_ids_is_refused(tmp_path, content, expected):
    path = tmp_path / "train.txt"
    path.write_bytes(content)
    with pytest.raises(DataError, match=expected):
        read_list(path)


def test_a_missing_list_names_those_that_are_there(tmp_path):
    (tmp_path / "val.txt").write_text("a\n")
    with pytest.raises(DataError, match="no such image list; lists in that folder: val"):
        read_list(tmp_path / "train.txt")


def test_classes_get_the_background_in_front():
    assert parse_classes('["cat", "dog"]') == CLASSES


@pytest.mark.parametrize(
    "text", ["cat", '"cat"', "[]", "[1]", '["cat", "cat"]', '["background"]', '[" "]', '{"cat": 1}']
)
def test_classes_that_are_no_list_of_different_names_are_refused(text):
    with pytest.raises(ConfigError, match="classes: "):
        parse_classes(text)


def test_more_classes_than_labels_are_refused():
    with pytest.raises(ConfigError, match="expected 1 to 254 names, got 255"):
        parse_classes(str([f"c{n}" for n in range(255)]).replace("'", '"'))
