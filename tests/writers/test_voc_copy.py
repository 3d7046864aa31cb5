"""Changed objects of VOC's XML: what is written anew, and what keeps its bytes."""

from __future__ import annotations

import pytest

from boxsup.writers.voc_copy import ObjectChange, change_objects, encoding_of, mark_segmented

BOX = "<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>3</xmax><ymax>4</ymax></bndbox>"


def changed(text, change):
    return change_objects(text.encode(), {0: change}).decode()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (f"<difficult/>{BOX}", f"<difficult>1</difficult>{BOX}"),
        (f"{BOX}<difficult a='>'>0</difficult>", f"{BOX}<difficult a='>'>1</difficult>"),
        (f"\r\n\t{BOX}\r\n", f"\r\n\t<difficult>1</difficult>\r\n\t{BOX}\r\n"),
        (f"<part><difficult>0</difficult></part>{BOX}",
         f"<part><difficult>0</difficult></part><difficult>1</difficult>{BOX}"),
    ],
)  # fmt: skip
def test_an_object_is_made_difficult(before, after):
    frame = "<a><object>{}</object></a>"
    assert changed(frame.format(before), ObjectChange(difficult=True)) == frame.format(after)


@pytest.mark.parametrize(("tag", "inside"), [
    ("<name>", "cat"), ("<name\n x='>'>", "c&#97;t"), ("<name>", "<![CDATA[<name>cat]]>"),
    ("<name>", "c<!-- <b/> -->at"),
])  # fmt: skip
def test_names_are_escaped_whatever_form_the_old_one_has(tag, inside):
    frame = f"<a><!-- <name>x</name> --><object a='&lt;name>'>{tag}{{}}</name></object></a>"
    assert changed(frame.format(inside), ObjectChange("a<b&c")) == frame.format("a&lt;b&amp;c")


def test_objects_that_are_left_out_take_their_lines_with_them():
    two = b"<object>3</object> <object>4</object>"
    lines = [b"<a>", b"\t<object>1</object>", b"  <object>2</object>  ", two, b"</a>"]
    for ending in (b"\n", b"\r\n"):
        xml = ending.join(lines)
        assert change_objects(xml, {}, [0, 1]) == ending.join([lines[0], *lines[3:]])
        assert change_objects(xml, {}, [3]) == ending.join([*lines[:3], b"<object>3</object>" + lines[4]])
        assert change_objects(xml, {}, [2, 3]) == ending.join(lines[:3]) + ending + lines[4]


def test_a_file_with_fewer_objects_is_refused():
    for xml in (b"<a/>", b"<a><b><object/></b><!-- <object/> --></a>"):
        with pytest.raises(ValueError, match="it has 0 objects"):
            change_objects(xml, {0: ObjectChange("cat")})
    with pytest.raises(ValueError, match="mismatched tag"):
        change_objects(b"<a></b>", {0: ObjectChange("cat")})


@pytest.mark.parametrize(
    ("content", "codec"),
    [
        (b"<a/>", "utf-8"),
        (b"\xef\xbb\xbf<?xml version='1.0' encoding='gbk'?>", "utf-8"),
        (b" <?xml version='1.0' encoding='Latin-1'?>", "iso8859-1"),
        ("<a/>".encode("utf-16"), "utf-16-le"),
        ("<a/>".encode("utf-16-be"), "utf-16-be"),
    ],
)
def test_encodings(content, codec):
    assert encoding_of(content) == codec


def test_an_unknown_encoding_is_refused():
    with pytest.raises(ValueError, match="klingon"):
        encoding_of(b"<?xml version='1.0' encoding='klingon'?>")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("<!-- <segmented>0</segmented> --><segmented/>", "<!-- <segmented>0</segmented> --><segmented>1</segmented>"),
        ("<x><segmented>0</segmented></x><segmented a='1'> 0\n</segmented>",
         "<x><segmented>0</segmented></x><segmented a='1'>1</segmented>"),
        ("<!-- <object/> -->\r\n  <object/>", "<!-- <object/> -->\r\n  <segmented>1</segmented>\r\n  <object/>"),
        ("<size/>", "<size/>"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16", "gbk"])
def test_an_image_with_masks_is_marked_in_any_encoding(before, after, codec):
    head = f'<?xml version="1.0" encoding="{codec.removesuffix("-sig")}"?><a><folder>猫</folder>'
    assert mark_segmented(f"{head}{before}</a>".encode(codec)) == f"{head}{after}</a>".encode(codec)


def test_what_cannot_be_read_is_not_marked():
    for xml in (b"<a><object/>", b'<?xml version="1.0" encoding="none"?><a><object/></a>', b"<a>\xff<object/></a>"):
        assert mark_segmented(xml) == xml
