"""What `boxsup masks` says of images and boxes before it works, in `init`'s words; images of one id have no masks."""

import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from boxsup.catalogue.records import Box, Record
from boxsup.catalogue.sources import Source, open_source
from boxsup.masking.box_masks import BoxMask
from boxsup.masking.copies import MaskResults
from boxsup.masking.jobs import check_images
from boxsup.masking.outputs import write_voc
from boxsup.masking.parts import ImagePart
from boxsup.masking.quality import CandidateMeasures, measure_mask
from boxsup.project.survey import Survey, survey_calls
from helpers import own_data
from helpers.commands import run_boxsup
from helpers.networks import write_object_network


def save_turned(pixels, path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(pixels).save(path, exif=exif)


@pytest.fixture
def odd(tmp_path):
    """YOLO: a turned image, a dark one with a box twice, one with a box of one pixel, and one of two frames."""
    made = own_data.pictures(4)
    own_data.write_images(tmp_path / "images", made)
    own_data.write_yolo(tmp_path / "yolo", made)
    save_turned(made["picture_00"].image, tmp_path / "images/picture_00.png")
    grey = np.full(made["picture_01"].instances.shape, 1023, np.uint16)
    (tmp_path / "images/picture_01.png").unlink()
    Image.fromarray(grey).save(tmp_path / "images/picture_01.tif")
    (tmp_path / "yolo/labels/picture_01.txt").write_text("0 0.5 0.5 0.5 0.5\n1 0.5 0.5 0.5 0.5\n0 0.5 0.5 0.5 0.5\n")
    frames = [Image.fromarray(pixels) for pixels in (made["picture_03"].image, 255 - made["picture_03"].image)]
    frames[0].save(tmp_path / "images/picture_03.png", save_all=True, append_images=frames[1:])
    (tmp_path / "yolo/labels/picture_02.txt").write_text("0 0.5 0.5 0.5 0.5\n0 0.5 0.5 0.5 0.01\n")
    (tmp_path / "images/a.heic").touch()
    return tmp_path


def test_what_is_odd_is_said_in_the_words_of_init(odd):
    source = open_source(odd / "images", odd / "yolo/labels")
    checked = check_images(source, 1)
    survey = Survey([call() for call in survey_calls(source.listing().checks)], [], source.classes)
    assert checked.told[:-1] == survey.odd
    assert [line.split(";")[0] for line in checked.told] == [
        "images with an EXIF orientation, which is not applied: 1, the first is picture_00",
        "16-bit images with values below 16,384: 1, the first is picture_01",
        "images with several frames or pages, of which only the first is read: 1, the first is picture_03",
        "boxes that are one pixel wide or high, as clicks make them: 1, the first is in picture_02",
        "boxes that occur twice in their image: 1, the first is in picture_01",
        "files among the images that are not read, by their endings: 1 .heic",
    ]
    assert checked.problems == []
    assert [(note.image, note.file.rpartition("/")[2], note.problem.split(";")[0]) for note in checked.odd] == [
        ("picture_00", "picture_00.png", "has an EXIF orientation, which is not applied"),
        ("picture_01", "picture_01.tif", "has 16-bit values below 16,384"),
        ("picture_01", "picture_01.txt", "occurs twice in its image: box 3"),
        ("picture_02", "picture_02.txt", "one pixel wide or high, as clicks make them: box 2"),
        ("picture_03", "picture_03.png", "has several frames or pages, of which only the first is read"),
    ]


def test_images_that_the_boxes_do_not_mention_are_said(tmp_path):
    made = own_data.pictures(3)
    own_data.write_images(tmp_path / "images", made)
    own_data.write_coco(tmp_path / "boxes.json", dict(list(made.items())[:2]))
    checked = check_images(open_source(tmp_path / "images", tmp_path / "boxes.json"), 1)
    assert checked.told == ["images in the folder that are not in the annotations, and not used: 1"]


def two_endings(root):
    """`a.png` and `a.jpg`, and one file of boxes."""
    made = own_data.pictures(2)
    own_data.write_images(root / "images", made)
    own_data.write_yolo(root / "yolo", made)
    own_data.write_images(root / "images", {"picture_00": made["picture_00"]}, "jpg")
    return root / "yolo/labels"


def two_entries(root):
    """COCO's JSON with two entries for one file, as merged exports have, each with a box."""
    made = own_data.pictures(2)
    own_data.write_images(root / "images", made)
    own_data.write_coco(root / "boxes.json", made)
    content = json.loads((root / "boxes.json").read_text())
    first = content["images"][0]
    content["images"].append(first | {"id": 99})
    content["annotations"].append(content["annotations"][0] | {"id": 99, "image_id": 99})
    (root / "boxes.json").write_text(json.dumps(content))
    return root / "boxes.json"


@pytest.mark.parametrize(
    ("write", "said"),
    [
        (two_endings, "two images are called picture_00, picture_00.jpg and picture_00.png; file names make ids: "
                      "give one another name"),
        (two_entries, "several entries have the file_name picture_00.png: nobody can tell whether they are one "
                      "photograph; if they are, give all of their annotations the image_id of one entry, and "
                      "take the others out"),
    ],
)  # fmt: skip
def test_of_images_that_share_an_id_none_has_masks(tmp_path, write, said):
    checked = check_images(open_source(tmp_path / "images", write(tmp_path)), 1)
    assert [record.image for record in checked.usable] == ["picture_01"]
    assert [(problem.image, problem.problem) for problem in checked.problems] == [("picture_00", said)]


@pytest.mark.parametrize(("count", "left_out"), [(254, False), (255, True)])
def test_objects_that_pngs_have_no_values_for_are_a_problem(tmp_path, count, left_out):
    own_data.write_images(tmp_path / "images", own_data.pictures(1))
    source = Source("yolo", tmp_path / "images", tmp_path, own_data.CLASSES)
    record = Record("a", str(tmp_path / "images/picture_00.png"), 20, 20, boxes=[Box(1, 2, 2, 6, 6)] * count)
    pixels = np.zeros((20, 20), np.bool_)
    pixels[2:6, 2:6] = True
    mask = BoxMask(pixels, False, measure_mask(pixels[2:6, 2:6], 1, None, CandidateMeasures(0.9, 0.1, 0.1, 0.8), 0))
    results = MaskResults(source, {}, lambda: iter([ImagePart(record, [mask] * count)]))
    problems = write_voc(tmp_path, results)
    assert (tmp_path / "voc/SegmentationClass/a.png").exists()
    assert (tmp_path / "voc/SegmentationObject/a.png").exists() != left_out
    text = "255 objects, and SegmentationObject has values for 254: not in voc/SegmentationObject; "
    assert [problem.problem for problem in problems] == [f"{text}other formats, such as coco, have them all"] * left_out
    assert {problem.image for problem in problems} <= {"a"}


@pytest.mark.slow
def test_notes_are_no_problems(odd):
    """The status is 0, and each note stands with its image in `problems.csv`; how corners count is said, too."""
    given = ["--proposals", "selective_search", "--objects", write_object_network(odd / "objects.pt")]
    ended = run_boxsup(
        "masks", "--images", odd / "images", "--boxes", odd / "yolo/labels", *given, "--out", odd / "out"
    )
    assert ended.returncode == 0, ended.stderr
    assert "masks: note: images with an EXIF orientation, which is not applied: 1" in ended.stderr
    assert "masks: 5 images or their boxes may not be as you intended, see" in ended.stderr
    assert sorted(pd.read_csv(odd / "out/problems.csv")["image"]) == [
        f"picture_0{number}" for number in (0, 1, 1, 2, 3)
    ]
    table = pd.read_csv(odd / "out/boxes.csv", keep_default_na=False)
    thin = table[table["y1"] - table["y0"] == 1]
    assert [("unsure" in flags.split()) for flags in thin["flags"]] == [True]
    made = own_data.pictures(4)
    own_data.write_coco(odd / "boxes.json", dict(list(made.items())[2:]))
    content = json.loads((odd / "boxes.json").read_text())
    content["annotations"].append(content["annotations"][0] | {"id": 99, "image_id": 99})
    (odd / "boxes.json").write_text(json.dumps(content))
    boxes = odd / "boxes.json"
    ended = run_boxsup("masks", "--images", odd / "images", "--boxes", boxes, *given, "--out", odd / "coco")
    assert ended.returncode == 0, ended.stderr
    assert "masks: 1 annotations belong to no image, see" in ended.stderr
    own_data.write_voc_xml(odd / "xml", made)
    file = odd / "xml/picture_03.xml"
    file.write_text(file.read_text().replace("<bndbox>", "<occluded>0</occluded><attributes/><bndbox>", 1))
    given += ["--images", odd / "images", "--boxes", odd / "xml", "--out", odd / "more"]
    ended = run_boxsup("masks", *given)
    assert "masks: note: corners are taken for borders from 0, as picture_03.xml: object 1 has CVAT's" in ended.stderr
    assert "--corners voc takes them for pixels from 1" in ended.stderr
    assert "corners are taken" not in run_boxsup("masks", *given, "--corners", "voc").stderr
