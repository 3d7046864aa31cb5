"""Which files belong together, whatever they are called; what cannot be called so is said, and nothing is lost."""

import json
import os
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from boxsup.catalogue.check import write_problems
from boxsup.catalogue.names import id_fault, image_id, name_fault, printable
from boxsup.catalogue.oddities import unread_files
from boxsup.catalogue.readers import READERS
from boxsup.catalogue.readers.beside import OTHERS, Files
from boxsup.catalogue.records import Problem
from boxsup.catalogue.sources import open_source
from boxsup.errors import DataError
from boxsup.masking.copies import stamps_of
from helpers import own_data

ENDINGS = {"voc_xml": "xml", "yolo": "txt", "labelme": "json"}


@pytest.fixture(scope="module")
def made():
    return own_data.pictures(3)


@pytest.fixture(params=ENDINGS)
def data(request, tmp_path, made):
    """Images, boxes and masks of a format, the folder of boxes by its name."""
    own_data.write_images(tmp_path / "images", made)
    own_data.write_masks(tmp_path / "masks", made, list(made))
    if request.param == "yolo":
        own_data.write_yolo(tmp_path, made)
    else:
        {"voc_xml": own_data.write_voc_xml, "labelme": own_data.write_labelme}[request.param](tmp_path / "labels", made)
    return tmp_path, ENDINGS[request.param]


def look(root, masks=False):
    """The images without problems, and all that is said."""
    source = open_source(root / "images", root / "labels").with_classes(own_data.FORMS)
    listing = (source.with_masks(str(root / "masks")) if masks else source).listing()
    records = [check() for check in listing.checks]
    wrong = {problem.image for problem in listing.problems}
    lines = [*listing.problems, *(line for record in records for line in record.problems), *listing.unmatched]
    return [record for record in records if not record.problems and record.image not in wrong], lines


def test_endings_in_capitals_and_accents_in_either_form_belong_together(data):
    root, ending = data
    for folder, end in (("images", "png"), ("labels", ending), ("masks", "png")):
        (root / folder / f"picture_00.{end}").rename(root / folder / f"picture_00.{end.upper()}")
        form = "NFD" if folder == "images" else "NFC"
        (root / folder / f"picture_01.{end}").rename(root / folder / f"{unicodedata.normalize(form, 'Blüte')}.{end}")
    records, lines = look(root, masks=True)
    assert lines == []
    assert len(records) == 3
    assert all(record.boxes and record.mask for record in records)


def test_an_annotation_in_another_folder_leaves_its_image_out_and_says_so(data):
    root, ending = data
    (root / "labels/batch").mkdir()
    (root / f"labels/picture_01.{ending}").rename(root / f"labels/batch/picture_01.{ending}")
    (root / f"labels/picture_02.{ending}").rename(root / f"labels/Picture_02.{ending}")
    records, lines = look(root)
    assert [record.image for record in records] == ["picture_00"]
    said = {line.file: line for line in lines}
    for image, file in (("picture_01", "batch/picture_01"), ("picture_02", "Picture_02")):
        line = said[str(root / f"labels/{file}.{ending}")]
        assert line.image == image
        assert line.problem.startswith(f"not read, though it has the name of the image {image}.png: expected as ")
        assert line.problem.endswith(f"labels/{image}.{ending}")


def test_what_belongs_to_no_image_is_said_of_annotations_and_masks(data):
    root, ending = data
    (root / "images/picture_00.png").rename(root / "images/picture_00.heic")
    (root / "images/picture_01.png").rename(root / "images/other.png")
    (root / "masks/old").mkdir()
    (root / "masks/old/picture_02.png").write_bytes((root / "masks/picture_02.png").read_bytes())
    _, lines = look(root, masks=True)
    said = {line.file.removeprefix(f"{root}/"): line.problem for line in lines}
    for file in (f"labels/picture_00.{ending}", "masks/picture_00.png"):
        assert said[file].startswith("no image has its name; picture_00.heic is not read: images end in .apng, .bmp,")
    for file in (f"labels/picture_01.{ending}", "masks/picture_01.png"):
        assert said[file] == "no image has its name"
    assert "another folder or other capitals than the image picture_02.png" in said["masks/old/picture_02.png"]


def test_images_of_one_name_in_two_folders_have_ids_of_their_own(data):
    root, ending = data
    for folder, end in (("images", "png"), ("labels", ending), ("masks", "png")):
        for camera in ("cam1", "cam2"):
            (root / folder / camera).mkdir()
        (root / folder / f"picture_00.{end}").rename(root / folder / f"cam1/0001.{end}")
        (root / folder / f"picture_01.{end}").rename(root / folder / f"cam2/0001.{end}")
    source = open_source(root / "images", root / "labels")
    assert (source.ids, source.split_settings()["ids"]) == ("path", "path")
    records, lines = look(root, masks=True)
    assert lines == []
    assert [record.image for record in records] == ["cam1__0001", "cam2__0001", "picture_02"]
    assert [os.path.relpath(record.mask, root) for record in records[:2]] == [
        "masks/cam1/0001.png",
        "masks/cam2/0001.png",
    ]
    # An annotation that could be of either is of none, and no image of it passes for background.
    (root / f"labels/cam1/0001.{ending}").rename(root / f"labels/0001.{ending}")
    records, lines = look(root)
    assert [record.image for record in records] == ["cam2__0001", "picture_02"]
    assert f"labels/0001.{ending}" in " ".join(line.file for line in lines)


def test_two_files_of_one_name_in_a_folder_are_both_named(data):
    root, _ = data
    (root / "images/picture_00.bmp").write_bytes((root / "images/picture_00.png").read_bytes())
    records, lines = look(root)
    assert [record.image for record in records] == ["picture_01", "picture_02"]
    assert "two images are called picture_00, picture_00.bmp and picture_00.png" in lines[0].problem


def test_coco_finds_an_image_in_the_other_form(tmp_path, made):
    own_data.write_images(tmp_path / "images", {"Blu\u0308te": made["picture_00"]})
    own_data.write_coco(tmp_path / "boxes.json", {"Bl\u00fcte": made["picture_00"]})
    [check] = open_source(tmp_path / "images", tmp_path / "boxes.json").listing().checks
    record = check()
    assert record.problems == []
    assert record.path.endswith("Blu\u0308te.png")


def test_a_list_for_coco_may_spell_accents_as_the_files_do(tmp_path, made):
    """As `boxsup init` writes it; and the image, which is used, is none that the annotations do not mention."""
    names = ("Blu\u0308te", "b")
    both = dict(zip(names, (made["picture_00"], made["picture_01"]), strict=True))
    own_data.write_images(tmp_path / "images", both)
    own_data.write_coco(tmp_path / "boxes.json", {unicodedata.normalize("NFC", name): both[name] for name in names})
    source = open_source(tmp_path / "images", tmp_path / "boxes.json").with_classes(own_data.FORMS)
    records = [check() for check in source.listing().checks]
    assert unread_files(source, {record.image for record in records}) == []
    for form in ("NFC", "NFD"):
        (tmp_path / "list.txt").write_text("".join(unicodedata.normalize(form, f"{name}.png\n") for name in names))
        settings = json.dumps({**source.split_settings(), "list": str(tmp_path / "list.txt")})
        listing = READERS["coco"](Path(), source.classes, settings)
        assert (listing.ids, listing.problems) == (["Bl\u00fcte", "b"], [])
        assert [check() for check in listing.checks] == records
    (tmp_path / "list.txt").write_text("Blute.png\n")
    with pytest.raises(DataError, match=r"list\.txt: Blute\.png is no file_name of the JSON's images"):
        READERS["coco"](Path(), source.classes, settings)


def yolo(root, labels, images=("test", "b")):
    """Images by these names; the text of each file in `labels`."""
    pictures = list(own_data.pictures(len(images)).values())
    own_data.write_images(root / "images", dict(zip(images, pictures, strict=True)))
    (root / "labels").mkdir()
    (root / "data.yaml").write_text("names: [cat]\n")
    for name, text in labels.items():
        (root / "labels" / name).parent.mkdir(exist_ok=True)
        (root / "labels" / name).write_bytes(text)
    source = open_source(root / "images", root / "labels")
    listing = source.listing()
    records = [check() for check in listing.checks]
    wrong = [problem for record in records for problem in record.problems]
    return (
        source,
        {record.image: len(record.boxes) for record in records},
        [*listing.problems, *listing.unmatched, *wrong],
    )


LABEL = b"0 0.5 0.5 0.5 0.5\n"


@pytest.mark.parametrize("image", sorted(Path(name).stem for name in OTHERS))
@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf", b"\r\n \n"])
def test_labels_of_an_image_that_is_called_as_tools_call_theirs(tmp_path, image, start):
    source, boxes, lines = yolo(tmp_path, {f"{image}.txt": start + LABEL}, [image])
    assert (boxes, lines) == ({image: 1}, [])
    assert [file.name for file in stamps_of(source)] == [f"{image}.txt"]  # so that a copy has it, too


def test_what_tools_leave_is_no_label_of_an_image_that_is_called_so(tmp_path):
    """Names of classes, a list of images, and labels of an image that is not there."""
    labels = {"classes.txt": b"cat\n", "train.txt": b"0001\n0002\n", "b.txt": LABEL, "test.txt": LABEL}
    source, boxes, lines = yolo(tmp_path, labels, ["classes", "train", "b"])
    assert (boxes, lines) == ({"b": 1, "classes": 0, "train": 0}, [])
    assert [file.name for file in stamps_of(source)] == ["b.txt"]


def test_labels_of_such_a_name_in_another_folder_are_a_problem(tmp_path):
    source, boxes, [line] = yolo(tmp_path, {"y/test.txt": LABEL, "b.txt": LABEL})
    assert boxes == {"b": 1}
    assert (line.image, Path(line.file).name) == ("test", "test.txt")
    assert line.problem.startswith("not read, though it has the name of the image test.png: expected as ")
    assert len(stamps_of(source)) == 2


@pytest.mark.parametrize("ending", ["jfif", "JPE", "jpg_large", "JPEG"])
def test_a_jpeg_by_any_name_is_an_image(data, made, ending):
    root, _ = data
    (root / "images/picture_00.png").unlink()
    Image.fromarray(made["picture_00"].image).save(root / f"images/picture_00.{ending}", "JPEG")
    records, lines = look(root)
    assert (len(records), lines) == (3, [])


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("2026-01-05T12:30.png", "holds a colon"),
        ("\udce9t\udce9.png", "holds bytes that are no UTF-8"),
        ("\udcff/a.png", "holds bytes that are no UTF-8"),
        ("a\n.png", "holds signs that cannot be shown"),
        ("a\u202e.png", "holds signs that cannot be shown"),
        (" a.png", "begins or ends with a space"),
        ("../a.png", "leads out of the folder of images"),
        ("/a.png", "leads out of the folder of images"),
        ("a\\b.png", "has a \\ in it"),
        ("b/.a.png", "begins with a dot"),
        ("x" * 201 + ".png", "has more than 200 characters"),
        ("a.png" + " -" * 130, "more than 255 bytes"),
        ("y" * 256 + "/a.png", "more than 255 bytes"),
    ],
)
def test_why_an_image_cannot_be_called_so(name, fault):
    assert fault in name_fault(name)


@pytest.mark.parametrize("name", ["a.png", "b/a.png", "a b (1).png", "é.png", "-rf.png", "CON.png", "{image}.png"])
def test_names_that_images_may_have(name):
    assert name_fault(name) is None


def test_ids_by_name_and_by_path():
    assert (image_id("b/c/a.1.png"), image_id("b/c/a.1.png", by_path=True)) == ("a.1", "b__c__a.1")
    assert image_id("a.png", by_path=True) == "a"
    assert name_fault("x" * 150 + "/" + "y" * 100 + ".png", by_path=True) == "has more than 200 characters"


@given(st.text() | st.text(alphabet="/\\:. a\n\udce9"))
def test_whatever_is_shown_can_be_written_and_shown_once_more(text):
    line = printable(text)
    assert line.isprintable()
    assert line.encode().decode() == line
    assert printable(line) == line
    assert id_fault(text) or line == text


def test_bytes_that_are_no_text_are_escaped_in_problems_csv(tmp_path):
    write_problems(tmp_path / "problems.csv", [Problem("\udce9t\udce9", "/x/\udce9t\udce9\n.png", "wrong")])
    assert (tmp_path / "problems.csv").read_text() == "image,file,problem\n\\xe9t\\xe9,/x/\\xe9t\\xe9\\n.png,wrong\n"


def test_a_file_of_the_very_name_comes_before_one_that_looks_the_same(tmp_path):
    for name in ("a.xml", "a.XML", "b/a.xml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    files = Files(tmp_path, ".xml")
    assert files.find("a.png") == tmp_path / "a.xml"
    assert files.find("c/a.png") == tmp_path / "a.xml"  # right in it, for an image of a folder
    assert files.find("b/a.png") == tmp_path / "b/a.xml"
    assert files.unread() == [tmp_path / "a.XML"]
    assert Files(tmp_path, ".xml", flat=False).find("c/a.png") is None
