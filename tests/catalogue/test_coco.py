"""COCO's instances: what pycocotools makes of every annotation of real files, worked examples, and bad files."""

import io
import json
import shutil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

from boxsup.catalogue.readers.coco import Entry, check_entry, class_ids_of, read_split
from boxsup.catalogue.readers.coco_objects import bbox_corners
from boxsup.catalogue.readers.folder import GuardedPath, Layout
from boxsup.catalogue.readers.segments import draw_masks, segment
from boxsup.catalogue.records import Box
from boxsup.errors import DataError
from boxsup.image.packed import PackedMask
from helpers.commands import run_boxsup
from helpers.paths import real_data

SIZE = (20, 30)  # height, width
MASKED = {"annotations": "instances.json", "images": "images", "masks": "annotations"}
# VOC's 20 classes as COCO's category ids, in VOC's order, as loaders of other projects have them.
VOC_CATEGORIES = [5, 2, 16, 9, 44, 6, 3, 17, 62, 21, 67, 18, 19, 4, 1, 64, 20, 63, 7, 72]


def listing(root, classes, **changes):
    return read_split(root, ("background", *classes), json.dumps(MASKED | changes))


def records_of(root, classes, **changes):
    split = listing(root, classes, **changes)
    return split.problems, [check() for check in split.checks]


def opened(png):
    return np.asarray(Image.open(io.BytesIO(png)))


# --- real files -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def coco_mini():
    return real_data("coco-mini")


@pytest.fixture(scope="module")
def reference(coco_mini):
    return COCO(coco_mini / "annotations/instances_mini.json")


REAL = {"annotations": "annotations/instances_mini.json"}


@pytest.fixture(scope="module")
def everything(coco_mini, reference):
    """The records of all images with all 80 categories, in COCO's order."""
    classes = [category["name"] for category in reference.dataset["categories"]]
    problems, records = records_of(coco_mini, classes, **REAL)
    assert problems == []
    return records


def test_every_annotation_is_that_of_pycocotools(everything, reference):
    categories = [category["id"] for category in reference.dataset["categories"]]
    seen = crowds = 0
    for record, image in zip(everything, reference.dataset["images"], strict=True):
        annotations = reference.imgToAnns[image["id"]]
        assert (record.image, record.problems) == (image["file_name"][:-4], [])
        assert len(record.boxes) == len(annotations)
        for box, annotation in zip(record.boxes, annotations, strict=True):
            x, y, width, height = annotation["bbox"]
            exact = np.array([x, y, x + width, y + height])
            assert categories[box.class_id - 1] == annotation["category_id"]
            assert (box.crowd, box.difficult) == (annotation["iscrowd"], 0)
            assert np.abs(np.array(box[1:5]) - exact).max() <= 0.5
            seen, crowds = seen + 1, crowds + box.crowd
    assert (len(everything), seen, crowds) == (100, 852, 10)


def test_every_mask_and_its_area_is_that_of_pycocotools(coco_mini, reference):
    for annotation in reference.dataset["annotations"]:
        image = reference.imgs[annotation["image_id"]]
        own = annotation["segmentation"]
        own = own if annotation["iscrowd"] else [np.array(polygon) for polygon in own]
        pixels = segment(own, image["height"], image["width"])
        np.testing.assert_array_equal(pixels, reference.annToMask(annotation) > 0)
        assert pixels.sum() == coco_mask.area(reference.annToRLE(annotation))


def test_masks_show_every_object_and_void_for_crowds(everything, reference):
    for record, image in zip(everything, reference.dataset["images"], strict=True):
        mask, objects = opened(record.drawn["mask"]), opened(record.drawn["objects"])
        annotations = reference.imgToAnns[image["id"]]
        masks = [reference.annToMask(annotation) > 0 for annotation in annotations]
        assert mask.shape == objects.shape == (record.height, record.width)
        covered = np.any([np.zeros(mask.shape, bool), *masks], axis=0)
        np.testing.assert_array_equal(mask > 0, covered)
        np.testing.assert_array_equal(mask == 255, objects == 255)
        crowds = [pixels for pixels, annotation in zip(masks, annotations, strict=True) if annotation["iscrowd"]]
        others = [pixels for pixels, annotation in zip(masks, annotations, strict=True) if not annotation["iscrowd"]]
        nothing = np.zeros(mask.shape, bool)
        void = np.any([nothing, *crowds], axis=0) & ~np.any([nothing, *others], axis=0)
        np.testing.assert_array_equal(mask == 255, void)
        for number, box in enumerate(record.boxes, start=1):
            assert set(np.unique(mask[objects == number])) <= {box.class_id}
            assert (objects == number)[masks[number - 1] == 0].sum() == 0


def test_vocs_classes_are_the_20_categories_that_both_have(coco_mini, reference, config):
    classes = config["datasets"]["voc"]["classes"]
    labels = class_ids_of(reference.dataset["categories"], ("background", *classes))
    assert {category: label for category, label in labels.items() if isinstance(label, int)} == {
        category: label for label, category in enumerate(VOC_CATEGORIES, start=1)
    }
    _, records = records_of(coco_mini, classes, **REAL)
    expected = [
        (annotation["image_id"], VOC_CATEGORIES.index(annotation["category_id"]) + 1)
        for image in reference.dataset["images"]
        for annotation in reference.imgToAnns[image["id"]]
        if annotation["category_id"] in VOC_CATEGORIES
    ]
    assert [(int(record.image), box.class_id) for record in records for box in record.boxes] == expected
    assert len(records) == 100  # those without any of the classes are background, and stay


def test_the_configurations_80_classes_are_cocos(reference, config):
    assert config["datasets"]["coco"]["classes"] == [each["name"] for each in reference.dataset["categories"]]


# --- by hand ----------------------------------------------------------------------------------------------------------


@given(st.data())
def test_a_box_paints_the_pixels_whose_middle_it_holds(data):
    height, width = data.draw(st.integers(1, 9)), data.draw(st.integers(1, 9))
    x0, x1 = sorted(data.draw(st.lists(st.integers(0, 4 * width), min_size=2, max_size=2)))
    y0, y1 = sorted(data.draw(st.lists(st.integers(0, 4 * height), min_size=2, max_size=2)))
    bbox = [x0 / 4, y0 / 4, (x1 - x0) / 4, (y1 - y0) / 4]
    box = bbox_corners(bbox, height, width)
    painted = np.zeros((height, width), bool)
    painted[box[1] : box[3], box[0] : box[2]] = True
    rows, columns = 4 * np.arange(height) + 2, 4 * np.arange(width) + 2
    # Halves are rounded up: a middle on the first border is outside, on the last one inside.
    inside = ((y0 < rows) & (rows <= y1))[:, None] & ((x0 < columns) & (columns <= x1))
    assert 0 <= box[0] < box[2] <= width
    assert 0 <= box[1] < box[3] <= height
    if inside.any():
        np.testing.assert_array_equal(painted, inside)
    else:
        assert painted.sum() <= max(height, width)  # thinner than a pixel: one pixel wide


def test_a_polygon_and_runs_by_hand():
    rectangle = [np.array([1.0, 1, 4, 1, 4, 3, 1, 3])]
    expected = np.zeros((5, 6), bool)
    expected[1:3, 1:4] = True
    np.testing.assert_array_equal(segment(rectangle, 5, 6), expected)
    runs = {"size": [5, 6], "counts": [6, 2, 3, 2, 3, 2, 12]}
    np.testing.assert_array_equal(segment(runs, 5, 6), expected)


def test_small_objects_lie_above_large_ones_and_crowds_below_all():
    large, small, crowd = np.zeros((3, 1, 6), bool)
    large[0, :4], small[0, 3:5], crowd[0, 2:] = True, True, True
    small, crowd, large = map(PackedMask.of, (small, crowd, large))
    labels, objects = draw_masks(1, 6, [(2, False, small), (1, True, crowd), (3, False, large)])
    assert labels.tolist() == [[3, 3, 3, 2, 2, 255]]
    assert objects.tolist() == [[3, 3, 3, 1, 1, 255]]


def test_more_objects_than_numbers_have_no_object_mask():
    labels, objects = draw_masks(1, 255, [(1, False, PackedMask.of(row)) for row in np.eye(255, dtype=bool)[:, None]])
    assert (labels == 1).all()
    assert objects is None


# --- files written here -----------------------------------------------------------------------------------------------


POLYGON = [[2.0, 2.0, 8.0, 2.0, 8.0, 9.0]]


def instances():
    """Two images, the first with a cat and a crowd of dogs; a third category of no interest."""
    annotation = {"id": 7, "image_id": 1, "category_id": 1, "bbox": [2, 2, 6, 7], "iscrowd": 0, "segmentation": POLYGON}
    runs = {"size": list(SIZE), "counts": [40, 20, 540]}
    crowd = {"id": 8, "image_id": 1, "category_id": 2, "bbox": [2, 0, 1, 20], "iscrowd": 1, "segmentation": runs}
    other = {"id": 9, "image_id": 1, "category_id": 90, "bbox": [0, 0, 0, -1], "iscrowd": 0, "segmentation": "any"}
    return {
        "images": [
            {"id": number, "file_name": f"{name}.jpg", "height": SIZE[0], "width": SIZE[1]}
            for number, name in ((1, "a"), (2, "b"))
        ],
        "annotations": [annotation, crowd, other],
        "categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}, {"id": 90, "name": "toothbrush"}],
    }


@pytest.fixture
def root(tmp_path):
    (tmp_path / "images").mkdir()
    for name in "ab":
        Image.fromarray(np.zeros((*SIZE, 3), np.uint8)).save(tmp_path / f"images/{name}.jpg")
    write(tmp_path, instances())
    return tmp_path


def write(root, content):
    (root / "instances.json").write_text(content if isinstance(content, str) else json.dumps(content))


def test_objects_of_other_categories_are_background(root):
    problems, [first, second] = records_of(root, ["dog", "cat"])
    assert problems + first.problems + second.problems == []
    assert first.boxes == [Box(2, 2, 2, 8, 9), Box(1, 2, 0, 3, 20, crowd=1)]
    assert set(np.unique(opened(first.drawn["mask"]))) == {0, 2, 255}
    assert second.boxes == []
    assert not opened(second.drawn["mask"]).any()


def test_boxes_alone_need_no_segmentation(root):
    content = instances()
    for annotation in content["annotations"]:
        annotation["segmentation"] = []
    write(root, content)
    _, [first, second] = records_of(root, ["cat"], masks="none")
    assert first.boxes == [Box(1, 2, 2, 8, 9)]
    assert first.drawn == second.drawn == {}


def test_an_image_has_a_mask_only_where_every_object_has_a_segmentation(root):
    content = instances()
    content["annotations"][0]["segmentation"] = []
    write(root, content)
    _, [first, second] = records_of(root, ["cat", "dog"])
    assert first.problems == second.problems == []
    assert [box.class_id for box in first.boxes] == [1, 2]
    assert first.drawn == {}
    assert not opened(second.drawn["mask"]).any()  # no object at all is missing


def test_a_list_picks_images_by_their_names(root):
    (root / "val.txt").write_text("b.jpg\n")
    assert [record.image for record in records_of(root, ["cat"], list="val.txt")[1]] == ["b"]
    (root / "val.txt").write_text("b.jpg\nc.jpg\n")
    with pytest.raises(DataError, match=r"val\.txt: c\.jpg is no file_name of the JSON's images"):
        listing(root, ["cat"], list="val.txt")


# What is done to the good file; the image and words of the problem that must be found.
DAMAGES = {
    "path out of the folder": (("images", 1, "file_name"), "../b.jpg", "../b.jpg", "is no file of the image folder"),
    "path through the folder": (("images", 1, "file_name"), "x/../../b.jpg", "x/../../b.jpg", "no file of the image"),
    "absolute path": (("images", 1, "file_name"), "/etc/passwd", "/etc/passwd", "is no file of the image folder"),
    "windows path": (("images", 1, "file_name"), "..\\b.jpg", "../b.jpg", "is no file of the image folder"),
    "no name": (("images", 1, "file_name"), "", "", "is no file of the image folder"),
    "hidden file": (("images", 1, "file_name"), ".b.jpg", ".b.jpg", "is no file of the image folder"),
    "two of a name": (("images", 1, "file_name"), "a.jpg", "a", "several entries have the file_name a.jpg"),
    "missing image": (("images", 1, "file_name"), "c.jpg", "c", "no such image"),
    "other size": (("images", 1, "width"), 31, "b", "has 30×20 pixels, its entry says 31×20"),
    "no category": (("annotations", 0, "category_id"), 3, "a", "annotation 7: category_id 3 is no category"),
    "no crowd": (("annotations", 0, "iscrowd"), 2, "a", "iscrowd must be 0 or 1, got 2"),
    "box outside": (("annotations", 0, "bbox"), [25, 2, 6, 7], "a", "not inside its image of 30×20"),
    "box inside out": (("annotations", 0, "bbox"), [9, 2, -6, 7], "a", "has a width or height below 0"),
    "box of text": (("annotations", 0, "bbox"), [2, 2, "6", 7], "a", "bbox must be [x, y, width, height]"),
    "angle of text": (("annotations", 0, "attributes"), {"rotation": "left"}, "a", "rotation: expected degrees"),
    "endless angle": (("annotations", 0, "attributes"), {"rotation": 1e400}, "a", "rotation: expected degrees"),
    "an id of two images": (("images", 1, "id"), "1", "a", "a.jpg: 2 images have the id 1"),
    "infinite box": (("annotations", 0, "bbox"), [2, 2, float("inf"), 7], "a", "bbox must be [x, y, width, height]"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_each_kind_of_bad_record_is_a_problem_that_names_it(root, damage):
    keys, value, image, words = DAMAGES[damage]
    content = instances()
    block = content
    for key in keys[:-1]:
        block = block[key]
    block[keys[-1]] = value
    write(root, content)
    problems, records = records_of(root, ["cat", "dog"])
    problems += [problem for record in records for problem in record.problems]
    [problem] = [problem for problem in problems if words in problem.problem]
    assert problem.image == image
    assert problem.file == str(root / ("images/c.jpg" if damage == "missing image" else "instances.json"))
    assert len(problems) == 1 + (damage == "an id of two images")


def test_an_empty_box_without_a_polygon_is_a_problem(root):
    content = instances()
    content["annotations"][0] |= {"bbox": [], "segmentation": []}
    write(root, content)
    _, [first, _] = records_of(root, ["cat", "dog"], masks="none")
    [problem] = first.problems
    assert problem.problem == "annotation 7: bbox must be [x, y, width, height], four numbers, got []"


def test_the_size_of_an_image_as_a_viewer_turns_it_is_told_with_its_cause(root):
    content = instances()
    content["images"][0] |= {"width": SIZE[0], "height": SIZE[1]}
    write(root, content)
    _, [first, _] = records_of(root, ["cat", "dog"])
    [problem] = first.problems
    assert problem.problem == (
        "a.jpg: the image has 30×20 pixels, its entry says 20×30 (width×height): it was scaled, or a viewer turns it "
        "(EXIF), so boxes do not fit; save it as it was annotated, or remove the entry's `height` and `width` if they "
        "do fit"
    )


def test_an_annotation_of_no_image_leaves_none_out(root):
    """As a label or a LabelMe file of no image: it is said, and is no problem."""
    content = instances()
    content["annotations"][0]["image_id"] = 5
    content["annotations"] += [content["annotations"][0] | {"id": 70}]
    write(root, content)
    split = listing(root, ["cat", "dog"])
    settings = ["--split", json.dumps(MASKED), "--classes", '["cat", "dog"]', "--on-problem", "stop"]
    ended = run_boxsup("catalogue", "--format", "coco", "--root", root, *settings, "--out", root / "out")
    assert ended.returncode == 0, ended.stderr
    assert "catalogue: annotations and masks that belong to no image: 1, the first is " in ended.stderr
    assert split.problems == [problem for check in split.checks for problem in check().problems] == []
    assert [line.problem for line in split.unmatched] == ["annotation 7 and 1 more: no image has their image_id 5"]
    assert split.unmatched[0].file == str(root / "instances.json")


# What stands in place of a segmentation, and words of the note that says so: the box counts, and the image has no mask.
NO_MASKS = {
    "nothing": (None, ""),
    "no text": ("", ""),
    "no polygon": ([], ""),
    "no corner": ([[]], ""),
    "a key without a value": ({}, ""),
    "a text": ("x", "a segmentation must be"),
    "a box for a polygon": ([[2, 2, 6, 7]], "at least three corners"),
    "half a corner": ([[1, 1, 2, 2, 3, 3, 4]], "at least three corners"),
    "polygon of text": ([["1"] * 6], "at least three corners"),
    "far polygon": ([[0, 0, 1e12, 0, 1e12, 5]], "a corner that is no position"),
    "polygon that leaves": ([[-3, 5, 12, 5, 12, 9]], "polygon is not inside its image of 30×20"),
    "no number": ([[0, 0, float("nan"), 0, 3, 5]], "a corner that is no position"),
    "runs that end early": ({"size": list(SIZE), "counts": [40, 20]}, "fill 20×30 pixels"),
    "runs of another size": ({"size": [30, 20], "counts": [40, 20, 540]}, "expected a mask of size"),
    "an array": ({"data": [0, 1], "shape": [1, 2]}, "a segmentation with size and counts (RLE), got {'data'"),
}


@pytest.mark.parametrize("case", NO_MASKS)
def test_a_box_counts_whose_segmentation_is_none(root, case):
    value, words = NO_MASKS[case]
    content = instances()
    content["annotations"][0]["segmentation"] = value
    write(root, content)
    problems, [first, _] = records_of(root, ["cat", "dog"])
    assert problems + first.problems == []
    assert first.boxes == [Box(1, 2, 2, 8, 9), Box(2, 2, 0, 3, 20, crowd=1)]
    assert first.drawn == {}
    assert [note.file for note in first.notes] == ([str(root / "instances.json")] if words else [])
    for note in first.notes:
        assert note.problem.startswith("annotation 7: ")
        assert words in note.problem
        assert note.problem.endswith("its box counts, and it is no mask")
    _, [first, _] = records_of(root, ["cat", "dog"], masks="none")
    assert (first.problems, first.notes, len(first.boxes)) == ([], [], 2)


def test_an_empty_polygon_beside_a_good_one_leaves_the_good_one(root):
    content = instances()
    content["annotations"][0]["segmentation"] = [[], *POLYGON]
    write(root, content)
    _, [first, _] = records_of(root, ["cat", "dog"])
    assert (opened(first.drawn["mask"]) == 1).any()
    content["annotations"][0]["segmentation"] = POLYGON[0]  # not in a list of its own, as pycocotools reads it too
    write(root, content)
    np.testing.assert_array_equal(
        opened(records_of(root, ["cat", "dog"])[1][0].drawn["mask"]), opened(first.drawn["mask"])
    )


# What tools write otherwise than COCO does; the boxes are those of the good file.
SPELLINGS = {
    "texts for ids": {
        ("images", 0, "id"): "a1",
        ("annotations", 0, "image_id"): "a1",
        ("annotations", 1, "image_id"): "a1",
        ("annotations", 2, "image_id"): "a1",
    },
    "a text for one of two numbers": {("images", 0, "id"): "1", ("categories", 0, "id"): "1"},
    "fractions": {
        ("images", 0, "id"): 1.0,
        ("images", 0, "width"): 30.0,
        ("images", 0, "height"): 20.0,
        ("annotations", 0, "category_id"): 1.0,
        ("annotations", 0, "image_id"): 1.0,
    },
    "no sizes": {("images", 0, "width"): None, ("images", 0, "height"): float("nan"), ("images", 1, "width"): -1},
    "dot and slash": {("images", 0, "file_name"): "./a.jpg", ("images", 1, "file_name"): ".//b.jpg"},
    "spaces around names": {("categories", 0, "name"): " cat", ("categories", 1, "name"): "dog\n"},
    "crowds by other words": {("annotations", 0, "iscrowd"): None, ("annotations", 1, "iscrowd"): "1"},
    "true and false": {("annotations", 0, "iscrowd"): False, ("annotations", 1, "iscrowd"): True},
    "a rotation of nothing": {("annotations", 0, "attributes"): {"rotation": 360.0, "occluded": False}},
    "texts for sizes": {("images", 0, "width"): "30", ("images", 0, "height"): "20"},
    "a box that only its polygon gives": {("annotations", 0, "bbox"): None},
    "an empty box beside a polygon": {("annotations", 0, "bbox"): []},
}


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("masks", ["none", "annotations"])
def test_what_other_tools_write_is_read(root, spelling, masks):
    content = instances()
    for keys, value in SPELLINGS[spelling].items():
        block = content
        for key in keys[:-1]:
            block = block[key]
        block[keys[-1]] = value
    write(root, content)
    (root / "list.txt").write_text("./b.jpg\na.jpg\n")
    for more in ({}, {"list": "list.txt"}):
        problems, records = records_of(root, ["cat", "dog"], masks=masks, **more)
        records = sorted(records, key=lambda record: record.image)
        assert problems + records[0].problems + records[1].problems == []
        assert records[0].boxes == [Box(1, 2, 2, 8, 9), Box(2, 2, 0, 3, 20, crowd=1)]
        assert records[0].notes == []


def test_windows_paths_are_paths(root):
    (root / "images/more").mkdir()
    (root / "images/a.jpg").rename(root / "images/more/a.jpg")
    content = instances()
    content["images"][0]["file_name"] = "more\\a.jpg"
    write(root, content)
    problems, [first, _] = records_of(root, ["cat"])
    assert problems + first.problems == []
    assert first.path == str(root / "images/more/a.jpg")


def test_an_image_whose_name_begins_with_its_folder_says_which_folder_to_name(root):
    content = instances()
    content["images"][0]["file_name"] = "images/a.jpg"
    write(root, content)
    _, [first, second] = records_of(root, ["cat"])
    assert second.problems == []
    [problem] = first.problems
    assert problem.file == str(root / "images/images/a.jpg")
    assert "no such image; it is there as a.jpg: name the folder that holds images/ by --images" in problem.problem


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("/home/me/a.jpg", "/home/me/"),
        ("C:\\data\\A.JPG", "C:/data/"),
        ("https://host/x/a.jpg", "https:/host/x/"),
        ("../a.jpg", "../"),
    ],
)
@pytest.mark.parametrize("by_path", [False, True])
def test_an_image_with_the_path_of_another_machine_is_told_of(root, name, first, by_path):
    content = instances()
    content["images"][0]["file_name"] = name
    write(root, content)
    problems, records = records_of(root, ["cat"], **({"ids": "path"} if by_path else {}))
    [problem] = problems + [problem for record in records for problem in record.problems]
    assert f"; it is there as a.jpg: take {first} out of file_name" in problem.problem


@pytest.mark.parametrize("name", ["images/B/C.JPG", "b/C.jpg", "B/c.jpg"])
def test_an_image_with_other_capitals_is_told_of(root, name):
    (root / "images/b").mkdir()
    shutil.copy(root / "images/a.jpg", root / "images/b/c.jpg")
    content = instances()
    content["images"][0]["file_name"] = name
    write(root, content)
    _, [first, _] = records_of(root, ["cat"])
    [problem] = first.problems
    assert "no such image; " in problem.problem
    assert "b/c.jpg" in problem.problem


@pytest.mark.parametrize("name", ["..", "/", "a/../../a.jpg", "x" * 300, "a\0.jpg"])
def test_a_name_that_is_none_is_a_problem_and_nothing_else(root, name):
    content = instances()
    content["images"][0]["file_name"] = name
    write(root, content)
    problems, records = records_of(root, ["cat"])
    assert len(problems + [problem for record in records for problem in record.problems]) == 1


@pytest.mark.parametrize("name", ["a.png", "a.JPG", "a.jpeg", "a"])
def test_an_image_with_another_ending_is_told_of(root, name):
    content = instances()
    content["images"] = [content["images"][0] | {"file_name": name}]
    (root / "instances.json").write_text(json.dumps(content))
    assert (root / "images" / "a.jpg").is_file()
    _, records = records_of(root, ["cat"])
    told = [problem.problem for record in records for problem in record.problems]
    assert told == ["no such image; a.jpg is there: let file_name say so, or rename the file"]


def test_a_name_written_as_in_a_url_is_told_of(root):
    content = instances()
    content["images"] = [content["images"][0] | {"file_name": "cam%201/%C3%BC.jpg"}]
    (root / "instances.json").write_text(json.dumps(content))
    (root / "images" / "cam 1").mkdir()
    (root / "images" / "a.jpg").rename(root / "images" / "cam 1" / "ü.jpg")
    _, records = records_of(root, ["cat"])
    [told] = [problem.problem for record in records for problem in record.problems]
    assert "cam 1/ü.jpg is there: let file_name say so, or rename the file (it is written as in a URL)" in told


@pytest.mark.parametrize(
    ("degrees", "expected"),
    [
        (90, (10, 3, 14, 13)),  # 10 wide and 4 high around (12, 8)
        (-90.0, (10, 3, 14, 13)),
        (180, (7, 6, 17, 10)),
        ("90", (10, 3, 14, 13)),
        (45, (7, 3, 17, 13)),  # (10 + 4) / √2 = 9.9 wide and high
    ],
)
def test_a_box_that_cvat_has_turned_is_the_upright_one_around_it(root, degrees, expected):
    content = instances()
    content["annotations"][0] |= {"bbox": [7, 6, 10, 4], "segmentation": [], "attributes": {"rotation": degrees}}
    write(root, content)
    _, [first, _] = records_of(root, ["cat"])
    assert (first.problems, first.notes) == ([], [])
    assert first.boxes == [Box(1, *expected)]


def test_a_turned_box_ends_at_the_border_and_a_note_says_so(root):
    content = instances()
    content["annotations"][0] |= {"bbox": [0, 0, 10, 4], "segmentation": [], "attributes": {"rotation": 90}}
    write(root, content)
    _, [first, _] = records_of(root, ["cat"])
    assert first.boxes == [Box(1, 3, 0, 7, 7)]  # x 3 to 7, y -3 to 7
    assert "annotation 7: the box, turned by 90°, leaves its image by 3.0 px" in first.notes[0].problem


def test_objects_of_a_background_are_none(root):
    content = instances()
    content["categories"].append({"id": 0, "name": "_background_"})
    write(root, content)
    _, [first, _] = records_of(root, ["cat", "dog"])  # without an annotation nothing is to be said
    assert first.notes == []
    content["annotations"][0] |= {"category_id": 0}
    write(root, content)
    _, [first, _] = records_of(root, ["dog"])
    assert first.boxes == [Box(1, 2, 0, 3, 20, crowd=1)]
    assert [note.problem for note in first.notes] == ["annotation 7: its category is the background, it is no object"]
    assert set(np.unique(opened(first.drawn["mask"]))) == {0, 255}


def test_annotations_of_one_id_are_told_of(root):
    content = instances()
    content["annotations"][1]["id"] = 7.0
    write(root, content)
    _, [first, _] = records_of(root, ["cat", "dog"])
    assert len(first.boxes) == 2
    assert [note.problem.split(": ")[1] for note in first.notes] == ["another annotation has this id too"] * 2


def test_what_is_wrong_with_images_that_are_not_on_a_list_does_not_matter(root):
    content = instances()
    content["images"].append(content["images"][0] | {"id": 3, "file_name": "../c.jpg"})
    content["annotations"].append(content["annotations"][0] | {"id": 10, "image_id": 99})
    write(root, content)
    whole = listing(root, ["cat"])
    assert (len(whole.problems), len(whole.unmatched)) == (1, 1)
    (root / "list.txt").write_text("a.jpg\n")
    assert listing(root, ["cat"], list="list.txt").problems == []


def test_an_export_of_several_folders_is_read_whole(root):
    for part, name, number in (("train", "a", 17), ("valid", "b", 5)):
        (root / part).mkdir()
        (root / f"images/{name}.jpg").rename(root / part / f"{name}.jpg")
        content = instances()
        content["images"] = [content["images"][0] | {"file_name": f"{name}.jpg"}]
        content["categories"][0]["id"] = content["annotations"][0]["category_id"] = number
        (root / part / "_annotations.coco.json").write_text(json.dumps(content))
    problems, records = records_of(root, ["cat", "dog"], images=".", annotations=".")
    assert problems == []
    assert [record.path for record in records] == [str(root / "train/a.jpg"), str(root / "valid/b.jpg")]
    assert [record.boxes for record in records] == [[Box(1, 2, 2, 8, 9), Box(2, 2, 0, 3, 20, crowd=1)]] * 2
    with pytest.raises(DataError, match=r"no _annotations\.coco\.json in this folder or in one below"):
        listing(root, ["cat"], annotations="images")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "not readable as JSON"),
        ("PK\x03\x04", "a compressed file, not JSON; unpack it"),
        ("[]", "expected COCO's instances, with lists of images, annotations, categories; images is none$"),
        ('[{"data": {}, "annotations": []}]', "it looks like Label Studio's own JSON; export COCO, YOLO or VOC"),
        ('[{"image_id": 1, "category_id": 1, "bbox": []}]', "it looks like COCO's results"),
        ('[{"image": "a.jpg", "annotations": []}]', "it looks like CreateML's JSON"),
        ('{"a.jpg12": {"filename": "a.jpg", "regions": []}}', "it looks like VIA's own JSON"),
        ('{"shapes": [], "imagePath": "a.jpg"}', "it looks like LabelMe's; name the folder that it is in"),
        ('{"images": [], "annotations": [], "categories": []}', "lists no image"),
        (
            '{"images": [{"id": "1"}], "annotations": [], "categories": []}',
            r"images\[0\]: file_name: expected a text, got nothing",
        ),
        ('{"images": [1], "annotations": [], "categories": []}', r"images\[0\]: expected a mapping with id, file_name"),
        (instances() | {"categories": [{"id": 1}]}, r"categories\[0\]: name: expected a text, got nothing: the key is"),
        (instances() | {"categories": [{"id": 1, "name": " "}]}, r"categories\[0\]: name: expected a text, got ' '"),
        (
            instances() | {"annotations": [{"image_id": 1}]},
            r"annotations\[0\]: category_id: expected a number or a text",
        ),
        (instances() | {"annotations": [{"image_id": None}]}, r"annotations\[0\]: image_id: expected .*, got None"),
        (instances() | {"images": [{"id": 1, "file_name": "a.jpg", "width": "30px"}]}, r"width: expected a whole"),
        (instances() | {"images": [{"id": 1, "file_name": "a.jpg", "height": 2.5}]}, r"height: expected .*, got 2\.5"),
        (
            instances() | {"images": [{"id": 1.5, "file_name": "a.jpg"}]},
            r"images\[0\]: id: expected a number .* got 1\.5",
        ),
        (
            instances() | {"categories": [{"id": 1, "name": "dog"}, {"id": "1", "name": "cat"}]},
            "'cat' and 'dog' have the same id 1",
        ),
        (instances() | {"categories": [{"id": 1, "name": "dog"}]}, "the class 'cat' is no category of this file"),
        (instances() | {"categories": [{"id": 1, "name": "a\nb"}]}, r"is no category of this file; it has a\\nb$"),
    ],
)
def test_a_file_that_is_no_such_json_stops_at_once(root, content, words):
    write(root, content)
    with pytest.raises(DataError, match=words):
        listing(root, ["cat"])


def test_a_missing_file_says_what_to_put_where(root):
    with pytest.raises(DataError, match=r"nothing\.json: no such file; unpack COCO's annotations_trainval2017\.zip"):
        listing(root, ["cat"], annotations="nothing.json")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=7) | st.dictionaries(st.sampled_from(["size", "counts", "x"]), inner),
    max_leaves=12,
)


@given(bbox=JSON | st.just([2, 2, 6, 7]), segmentation=JSON | st.lists(st.lists(st.floats()), max_size=2), crowd=JSON)
def test_whatever_an_annotation_holds_it_is_read_or_a_problem(tmp_path_factory, bbox, segmentation, crowd):
    path = tmp_path_factory.getbasetemp() / "grey.png"
    if not path.is_file():
        Image.fromarray(np.zeros(SIZE, np.uint8)).save(path)
    if isinstance(segmentation, list):
        segmentation = [
            np.array(part) if part and all(type(x) is float for x in part) else part
            for part in segmentation
            if isinstance(part, list)
        ]
    annotation = {"id": 1, "category_id": 1, "bbox": bbox, "segmentation": segmentation, "iscrowd": crowd}
    where = Layout(GuardedPath(path.parent, None), GuardedPath(path, None), None, True, 2)
    record = check_entry(where, Entry("grey.png", *SIZE, [(0, annotation)]), {1: 1}, None)
    assert bool(record.boxes) != bool(record.problems)
