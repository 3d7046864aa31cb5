"""Files of VOC's XML as other tools write them: how they count, turned boxes, polygons, sizes, encodings."""

import pytest

from boxsup.catalogue.readers.voc_objects import class_names, counts_from_zero, parse_xml, read_boxes
from boxsup.catalogue.records import Box

HEIGHT, WIDTH = 90, 120
CLASSES = ("background", "cat", "dog")
CORNERS = ("xmin", "ymin", "xmax", "ymax")


def box(*corners):
    return f"<bndbox>{''.join(f'<{tag}>{x}</{tag}>' for tag, x in zip(CORNERS, corners, strict=True))}</bndbox>"


def xml(*objects, head="", name="cat"):
    inner = "".join(f"<object><name>{name}</name>{each}</object>" for each in objects)
    return f"<annotation>{head}{inner}</annotation>".encode()


def read(content, corners="voc"):
    return read_boxes(content, HEIGHT, WIDTH, CLASSES, corners)


def corners_of(content, corners="plane"):
    boxes, problems = read(content, corners)
    assert problems == []
    return [tuple(box[1:5]) for box in boxes]


# --- from 0 or from 1 -------------------------------------------------------------------------------------------------

CVATS = "<occluded>0</occluded><attributes><attribute><name>rotation</name><value>0.0</value></attribute></attributes>"
VOCS = "<source><annotation>PASCAL VOC2012</annotation></source>"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (xml(box(0, 5, 9, 9)), "object 1 begins at 0"),
        (xml(box(3, 5, 9, 9), box(5, 0.31, 9, 9)), "object 2 begins at 0.31"),
        (xml(box(-0.2, 5, 9, 9)), "object 1 begins at -0.2"),
        (xml(box(39.04, 12.24, 79.05, 47.14)), "its corners have fractions"),
        (xml(CVATS + box(3, 5, 9, 9)), "object 1 has CVAT's tags, attributes and occluded"),
        (xml(box(3, 5, 9, 9), head="<source><annotation>CVAT</annotation></source>"), "it is CVAT's"),
        (xml(box(3, 5, 9, 9)), ""),
        (xml("<occluded>1</occluded>" + box(1, 1, 9, 9)), ""),  # VOC has that tag, too
        (xml(box(3.5, 5.5, 9.5, 9.5)), ""),
        (xml(box("45.70000076293945", 5.2, 99, 9), head=VOCS), ""),  # as in VOC 2011
        (xml(box(-5, 5, 9, 9)), ""),  # nothing but wrong
        (xml(), ""),
    ],
)
def test_what_shows_that_a_file_counts_from_zero(content, reason):
    assert counts_from_zero(parse_xml(content)) == reason


def test_a_file_that_counts_from_zero_is_cocos_box_or_a_problem():
    content = xml(box(39.04, 12.24, 79.05, 47.14))
    assert corners_of(content) == [(39, 12, 79, 47)]  # COCO: [39.04, 12.24, 40.01, 34.9]
    assert corners_of(content, "voc") == [(38, 11, 79, 47)]  # as somebody insists
    [text] = read(content, "")[1]
    assert "it seems to count from 0 (its corners have fractions): say `corners: plane`" in text


# --- turned boxes and polygons ----------------------------------------------------------------------------------------


def turned(degrees):
    attribute = f"<attributes><attribute><name>rotation</name><value>{degrees}</value></attribute></attributes>"
    return attribute + box(25, 40, 95, 50)


def test_a_turned_box_of_cvat_is_the_upright_one_around_it():
    # 70×10 around (60, 45): upright a quarter later; at 45° both sides are (70 + 10) / √2 = 56.57 long.
    assert corners_of(xml(turned(0), turned(90), turned(180), turned(270.0), turned(45))) == [
        (25, 40, 95, 50),
        (55, 10, 65, 80),
        (25, 40, 95, 50),
        (55, 10, 65, 80),
        (32, 17, 88, 73),
    ]
    assert corners_of(xml(turned(90)), "voc") == [(54, 9, 65, 80)]  # 71×11 around (59.5, 44.5)
    assert "rotation must be a number" in read(xml(turned("x")))[1][0]


def test_a_turned_box_of_rolabelimg_is_the_upright_one_around_it_and_ends_with_its_image():
    tags = zip(("cx", "cy", "w", "h", "angle"), (60, 45, 70, 10, 1.5707963), strict=True)
    robndbox = f"<robndbox>{''.join(f'<{tag}>{x}</{tag}>' for tag, x in tags)}</robndbox>"
    assert corners_of(xml(robndbox, robndbox.replace(">60<", ">2<"))) == [(55, 10, 65, 80), (0, 10, 7, 80)]
    assert "object 1: a polygon is outside of its image of 120×90" in read(xml(robndbox.replace(">60<", ">-9<")))[1][0]


def polygon(*points):
    return f"<polygon>{''.join(f'<pt><x>{x}</x><y>{y}</y></pt>' for x, y in points)}</polygon>"


def test_a_polygon_without_a_box_is_its_upright_box_or_a_problem():
    assert corners_of(xml(polygon((10, 20), (40.4, 20), (30, 60))), "voc") == [(10, 20, 40, 60)]
    assert corners_of(xml(polygon((10, 20), (40, 20), (30, 60)) + box(2, 3, 9, 9)), "voc") == [(1, 2, 9, 9)]
    for points, words in (
        (((10, 10), (40, 40)), "object 1: no bndbox, and a polygon of 2 corners"),
        (((10, 310), (40, 340), (9, 300)), "object 1: a polygon is outside of its image"),
        (((10, 10), (40, 40), (9, "x")), "object 1: y must be a number, got 'x'"),
    ):
        assert words in read(xml(polygon(*points)))[1][0]
    assert "object 1: bndbox/xmin must be a number, got ''" in read(xml(""))[1][0]


def test_objects_that_labelmes_old_files_mark_as_deleted_are_none():
    assert read(xml("<deleted>1</deleted>" + polygon((1, 2), (3, 4)), "<deleted>0</deleted>" + box(1, 1, 2, 2))) == (
        [Box(1, 0, 0, 2, 2)],
        [],
    )


# --- sizes ------------------------------------------------------------------------------------------------------------


def size(width, height, source=""):
    return f"{source}<size><width>{width}</width><height>{height}</height><depth>3</depth></size>"


@pytest.mark.parametrize("said", [(240, 180), (90, 120)])
def test_a_file_of_another_size_is_a_problem(said):
    boxes, [text] = read(xml(box(1, 1, 9, 9), head=size(*said)))
    assert boxes == []
    assert f"size says {said[0]}×{said[1]} pixels, the image has 120×90 (width×height)" in text


@pytest.mark.parametrize("head", ["", size(120, 90), size("120.0", 90), size(0, 0), size("", ""), size(9, 9, VOCS)])
def test_sizes_that_agree_or_say_nothing_or_are_vocs_own_are_fine(head):
    assert read(xml(box(1, 1, 9, 9), head=head)) == ([Box(1, 0, 0, 9, 9)], [])


# --- encodings and other files ----------------------------------------------------------------------------------------


def test_gbk_is_read_where_it_is_declared_and_else_the_advice():
    content = xml(box(1, 1, 9, 9), name="狗").decode()
    declared = f'<?xml version="1.0" encoding="gbk"?>{content}'.encode("gbk")
    assert class_names(declared) == ["狗"]
    assert class_names(content.encode("utf-16")) == ["狗"]
    with pytest.raises(
        ValueError, match=r"not XML .*byte 26 is no UTF-8: save it as UTF-8, or let its first line name"
    ):
        parse_xml(content.encode("gbk"))
    with pytest.raises(ValueError, match="not XML"):
        parse_xml(declared[:-40] + b"\xff\xff" + declared[-40:])


def test_names_are_equal_that_look_equal():
    assert class_names(xml("", name=" \n cat\t")) == ["cat"]
    assert class_names(xml("", name="e\u0301")) == ["é"]


def test_xml_of_another_form_is_named():
    assert (
        "expected <annotation> with its objects, got <annotations>"
        in read(b"<annotations><image/></annotations>")[1][0]
    )
