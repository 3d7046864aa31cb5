"""Imported candidates: every distinct mask comes back bit for bit, from every layout; mistakes are one line."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pycocotools import mask as coco
from scipy.io import savemat
from scipy.sparse import csc_matrix

from boxsup.catalogue.tables import BOX_COLUMNS, IMAGE_COLUMNS, Catalogue, write_catalogue
from boxsup.cli import main
from boxsup.config.build import build
from boxsup.config.proposals import ImportedSettings
from boxsup.config.resolve import resolve
from boxsup.errors import ConfigError, DataError
from boxsup.image.runs import decode_runs
from boxsup.proposals.imported import proposer
from boxsup.proposals.imported_json import image_keys
from boxsup.proposals.methods import build_settings
from boxsup.proposals.partition import partition
from boxsup.proposals.pool_store import Pools
from boxsup.random import generator
from helpers.paths import ROOT

SIZE = (4, 5)
COMMON = {"method": "imported", "min_area": 0.0, "max_area": 1.0, "nms": 1.0, "max_candidates": 2000, "seed": 0}
SUPERPIXELS = np.repeat(np.array([[1, 1, 2, 2, 3]], np.uint32), 4, axis=0)  # three stripes
MEMBERS = np.array([[1, 0, 0], [0, 1, 1], [1, 1, 0]], bool)  # candidates × superpixels
SCORES = np.array([0.2, 0.9, 0.5])


def encoded(mask, compressed=True):
    """COCO's RLE of a mask, by pycocotools, or as a list of run lengths."""
    if compressed:
        code = coco.encode(np.asfortranarray(mask, np.uint8))
        return {"size": code["size"], "counts": code["counts"].decode()}
    flat = np.asarray(mask, np.int8).ravel(order="F")
    edges = np.flatnonzero(np.diff(flat, prepend=np.int8(0)))
    return {"size": list(mask.shape), "counts": np.diff(edges, prepend=0, append=flat.size).tolist()}


def dense(runs, size):
    mask = np.zeros(size[0] * size[1], bool)
    for start, stop in runs:
        mask[start:stop] = True
    return mask.reshape(size[::-1]).T


def propose(files, image="im", size=SIZE, images="", **changes):
    make = proposer(ImportedSettings(files=str(files), images=str(images), **(COMMON | changes)))
    return make(np.zeros((*size, 3), np.uint8), image)


def masks_of(pool):
    return [pool.mask(candidate) for candidate in range(len(pool))]


def distinct(masks):
    return list({mask.tobytes(): mask for mask in masks if mask.any()}.values())


def assert_same(pool, masks):
    assert len(pool) == len(masks)
    for got, expected in zip(masks_of(pool), masks, strict=True):
        assert np.array_equal(got, expected)


@st.composite
def mask_sets(draw):
    """Sizes from 1×1, masks from none; few bits, so that some are equal, empty, full or nested."""
    size = draw(st.integers(1, 6)), draw(st.integers(1, 6))
    seed, count = draw(st.integers(0, 2**32 - 1)), draw(st.integers(0, 12))
    random = np.random.default_rng(seed)
    masks = [random.random(size) < random.choice([0, 0.1, 0.5, 0.9, 1]) for _ in range(count)]
    return size, masks + [masks[i] for i in random.integers(0, count, 2 if count else 0)]


# --- masks ------------------------------------------------------------------------------------------------------------


@given(mask_sets(), st.booleans())
def test_runs_are_those_of_pycocotools(masks, compressed):
    size, masks = masks
    for mask in masks:
        runs = decode_runs(encoded(mask, compressed), size, "mask")
        assert np.array_equal(dense(runs, size), coco.decode(encoded(mask)).astype(bool))
        assert np.array_equal(dense(runs, size), mask)


def test_long_runs_and_their_differences_are_those_of_pycocotools():
    mask = generator(0, "mask").random((300, 400)).cumsum(axis=0) % 90 < 40
    mask[:, 100:300] = True  # one run far longer than the others, before and after
    runs = decode_runs(encoded(mask), mask.shape, "mask")
    assert np.array_equal(dense(runs, mask.shape), mask)


def test_equal_masks_have_equal_runs_however_they_are_written():
    plain = decode_runs({"size": [2, 3], "counts": [1, 3, 2]}, (2, 3), "mask")
    for counts in ([1, 1, 0, 2, 2], [1, 3, 2, 0], [1, 3, 1, 0, 1], [0, 0, 1, 3, 2], "132"):
        assert np.array_equal(decode_runs({"size": [2, 3], "counts": counts}, (2, 3), "mask"), plain)


@pytest.mark.parametrize(
    "counts",
    [
        *("", "1", "7", "16", "1é", "~~", "1o", "o" * 40, None, {"0": 6}),
        *([], [1], [7], [-1, 7], [6.0], ["6"], [2**70], [2**63 - 1, 7], [True, 5]),
    ],
)
def test_damaged_runs_are_refused(counts):
    with pytest.raises(DataError, match=r"^f: record 3: counts are not run lengths that fill 2×3 pixels"):
        decode_runs({"size": [2, 3], "counts": counts}, (2, 3), "f: record 3")


@given(mask_sets())
def test_the_partition_gives_the_masks_back_and_is_the_coarsest(masks):
    size, masks = masks
    labels, matrix = partition([decode_runs(encoded(mask), size, "mask") for mask in masks], size)
    assert labels.shape == size
    assert set(np.unique(labels)) == set(range(matrix.shape[1]))
    for mask, row in zip(masks, matrix, strict=True):
        assert np.array_equal(row[labels], mask)
    assert len(np.unique(matrix, axis=1).T) == matrix.shape[1]  # no two regions that no mask tells apart


@given(mask_sets(), st.booleans(), st.data())
@settings(max_examples=60)
def test_every_distinct_mask_comes_back_in_the_order_of_the_scores(tmp_path_factory, masks, compressed, data):
    size, masks = masks
    scores = data.draw(st.none() | st.lists(st.sampled_from([0, 0.5, 2]), min_size=len(masks), max_size=len(masks)))
    records = [{"segmentation": encoded(mask, compressed)} for mask in masks]
    for record, score in zip(records, scores or [], strict=False):
        record["predicted_iou"] = score
    path = tmp_path_factory.getbasetemp() / "im.json"
    path.write_text(json.dumps(records))
    order = sorted(range(len(masks)), key=lambda i: -scores[i]) if scores else range(len(masks))
    expected = distinct(masks[i] for i in order) or [np.ones(size, bool)]
    assert_same(propose(path.with_name("{image}.json"), size=size), expected)


def test_more_superpixels_than_can_be_stored_are_refused(tmp_path):
    size = 300, 300
    bits = np.arange(size[0] * size[1]).reshape(size)
    records = [{"segmentation": encoded((bits >> bit & 1).astype(bool))} for bit in range(17)]
    (tmp_path / "im.json").write_text(json.dumps(records))
    with pytest.raises(DataError, match=r"im\.json: image im: candidates cut the image into more than 65,535 superpix"):
        propose(tmp_path / "{image}.json", size=size)
    assert len(propose(tmp_path / "{image}.json", size=size, max_candidates=8)) == 8


def test_settings_take_candidates_out(tmp_path):
    wide = np.ones(SIZE, bool)
    wide[0, 0] = False
    dot = np.zeros(SIZE, bool)
    dot[1, 1] = True
    half = np.zeros(SIZE, bool)
    half[:2] = True
    masks = [np.ones(SIZE, bool), wide, dot, half]
    (tmp_path / "im.json").write_text(json.dumps([{"segmentation": encoded(mask)} for mask in masks]))
    pattern = tmp_path / "{image}.json"
    assert_same(propose(pattern), masks)
    assert_same(propose(pattern, min_area=0.1), [masks[0], wide, half])
    assert_same(propose(pattern, max_area=0.95), [wide, dot, half])
    assert_same(propose(pattern, nms=0.9), [masks[0], dot, half])
    assert_same(propose(pattern, max_candidates=2), masks[:2])


# --- JSON files -------------------------------------------------------------------------------------------------------


def stripe(column):
    mask = np.zeros(SIZE, bool)
    mask[:, column] = True
    return mask


def results(path, *rows):
    """COCO results with a stripe for each of `rows`: image_id, column and, optionally, score."""
    records = [
        {"image_id": image, "category_id": 1, "segmentation": encoded(stripe(column)), **({"score": s[0]} if s else {})}
        for image, column, *s in rows
    ]
    path.write_text(json.dumps(records))
    return path


def test_results_of_all_images_are_told_apart(tmp_path):
    path = results(tmp_path / "all.json", (7, 0, 0.1), ("b", 1, 0.5), (7, 2, 0.9), (2007000032, 3, 1))
    assert_same(propose(path, "im7"), [stripe(2), stripe(0)])
    assert_same(propose(path, "b"), [stripe(1)])
    assert_same(propose(path, "2007_000032"), [stripe(3)])


@pytest.mark.parametrize(
    ("image", "keys"),
    [
        ("cat", ["cat"]),
        ("42", ["42"]),
        ("000042", ["000042", "42"]),
        ("COCO_val2014_000000000042", ["COCO_val2014_000000000042", "42"]),
        ("2007_000032", ["2007_000032", "2007000032"]),
    ],
)
def test_the_number_of_an_image(image, keys):
    assert image_keys(image) == keys


@pytest.mark.parametrize(
    "numbers",
    [{"cat": 5, "dog": 6}, {"images": [{"id": 5, "file_name": "x/cat.jpg"}, {"id": 6, "file_name": "dog.png"}]}],
)
def test_a_file_of_numbers_says_which_image_is_which(tmp_path, numbers):
    path, images = results(tmp_path / "all.json", (5, 1)), tmp_path / "images.json"
    images.write_text(json.dumps(numbers))
    assert_same(propose(path, "cat", images=images), [stripe(1)])
    assert_same(propose(path, "dog", images=images), [np.ones(SIZE, bool)])  # known, and nothing was found in it
    with pytest.raises(DataError, match=r"images\.json: no image cow; add it"):
        propose(path, "cow", images=images)


def test_annotations_of_a_mapping_are_read_too(tmp_path):
    content = {"image": {"image_id": 1}, "annotations": [{"segmentation": encoded(stripe(4)), "predicted_iou": 1}]}
    (tmp_path / "im.json").write_text(json.dumps(content))
    assert_same(propose(tmp_path / "{image}.json"), [stripe(4)])


def test_two_images_of_one_number_are_refused(tmp_path):
    make = proposer(
        ImportedSettings(files=str(results(tmp_path / "all.json", (12, 0))), images="", **COMMON),
    )
    picture = np.zeros((*SIZE, 3), np.uint8)
    make(picture, "a12")
    with pytest.raises(DataError, match=r"image_id 12 is that of a12 and of a1_2; let settings.images"):
        make(picture, "a1_2")


ONE = {"segmentation": encoded(stripe(0))}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "im.json: no such file"),
        ("", "im.json: not readable as JSON"),
        ('[{"segm', "im.json: not readable as JSON"),
        ("3", "im.json: expected a list of records"),
        ('{"annotations": 3}', "im.json: expected a list of records"),
        ([3], "im.json: expected a list of records"),
        ([ONE, {}], "record 1: expected a segmentation with size and counts (RLE), got None"),
        ([{"segmentation": [[0, 0, 1, 1, 2, 2]]}], "frPyObjects makes RLE from polygons"),
        ([{"segmentation": {"data": [0, 1], "shape": [1, 2]}}], "an array of pixels; pycocotools.mask.encode"),
        (
            [{"data": [0, 1], "shape": [1, 2]}],
            "record 0: expected a segmentation with size and counts (RLE), got {'data'",
        ),
        ([{"segmentation": [[0, 1], [True, 1.0]]}], "an array of pixels; pycocotools.mask.encode"),
        ([{"segmentation": {"size": [5, 4], "counts": [20]}}], "expected a mask of size [4, 5]"),
        ([ONE, {"segmentation": {"size": [4, 5], "counts": [19]}}], "record 1: counts are not run lengths"),
        ([ONE | {"score": 1}, ONE], "record 1: score: expected a finite number as in other records, got None"),
        ([ONE | {"predicted_iou": float("nan")}], "record 0: predicted_iou: expected a finite number"),
    ],
)
def test_mistakes_in_a_json_file_are_one_line(tmp_path, content, message):
    if content is not None:
        (tmp_path / "im.json").write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(DataError) as error:
        propose(tmp_path / "{image}.json")
    assert message in str(error.value)
    assert "im.json" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("image", "numbers", "message"),
    [
        ("cow", None, "no record with image_id cow, for image cow; let settings.images name"),
        ("im9", None, "no record with image_id im9 or 9, for image im9"),
        ("cat", {"cat": 6}, "none of its image_id is among those of"),
        ("cat", {"cat": 5.5}, "expected COCO's images"),
        ("cat", [], "expected COCO's images"),
        ("cat", {"images": [{"id": 5}]}, "expected COCO's images"),
        ("cat", {"images": [{"id": 5, "file_name": f"{x}/cat.jpg"} for x in "ab"]}, "two images have the same file"),
    ],
)
def test_mistakes_in_the_numbers_of_images_are_one_line(tmp_path, image, numbers, message):
    if numbers is not None:
        (tmp_path / "images.json").write_text(json.dumps(numbers))
    images = tmp_path / "images.json" if numbers is not None else ""
    with pytest.raises(DataError) as error:
        propose(results(tmp_path / "all.json", (5, 1)), image, images=images)
    assert message in str(error.value)


def test_results_without_an_image_id_are_refused(tmp_path):
    (tmp_path / "all.json").write_text(json.dumps([ONE]))
    with pytest.raises(DataError, match=r"record 0: expected an image_id, got None; files without, one per image"):
        propose(tmp_path / "all.json")


# --- MATLAB files -----------------------------------------------------------------------------------------------------


def cells(lists, shape):
    array = np.empty(len(lists), object)
    for i, numbers in enumerate(lists):
        array[i] = np.array([numbers], np.float64)
    return array.reshape(shape)


LISTS = [[1], [2, 3], [2, 1]]
EXPECTED = [MEMBERS[i][SUPERPIXELS - 1] for i in (1, 2, 0)]  # scores fall
PADDED = np.array([[1, 0], [2, 3], [2, 1]], np.uint16)


@pytest.mark.parametrize(
    "labels",
    [
        *(cells(LISTS, (3, 1)), cells(LISTS, (1, 3))),
        *(PADDED, PADDED.astype(float), np.c_[PADDED, PADDED[:, :1] * 0]),
        *(MEMBERS, MEMBERS.astype(float), MEMBERS.astype(np.uint8), csc_matrix(MEMBERS.astype(float))),
    ],
    ids=["cells", "row of cells", "padded", "padded doubles", "padded to S", "logical", "0 and 1", "bytes", "sparse"],
)
@pytest.mark.parametrize("dtype", [np.uint32, np.float64])
@pytest.mark.parametrize("struct", ["", "proposals", "candidates"])
@pytest.mark.parametrize("compression", [False, True])
def test_every_layout_gives_the_same_candidates(tmp_path, labels, dtype, struct, compression):
    content = {"superpixels": SUPERPIXELS.astype(dtype), "labels": labels, "scores": SCORES[:, None]}
    content |= {"bboxes": np.ones((3, 4)), "bboxes_scores": np.ones((2, 1))}
    content = {struct: content, "ucm2": np.zeros((9, 11))} if struct else content
    savemat(tmp_path / "im.mat", content, do_compression=compression)
    pool = propose(tmp_path / "{image}.mat")
    assert_same(pool, EXPECTED)
    assert pool.scores.tolist() == pytest.approx([0.9, 0.5, 0.2])


def mat(tmp_path, **changes):
    content = {"superpixels": SUPERPIXELS, "labels": cells(LISTS, (3, 1)), "scores": SCORES} | changes
    savemat(tmp_path / "im.mat", {name: value for name, value in content.items() if value is not None})
    return tmp_path / "{image}.mat"


def test_without_scores_the_files_order_counts(tmp_path):
    assert_same(propose(mat(tmp_path, scores=None)), [row[SUPERPIXELS - 1] for row in MEMBERS])


def test_numbers_of_superpixels_may_have_gaps(tmp_path):
    gaps = np.array([0, 10, 20, 70000], np.uint32)[SUPERPIXELS]
    lists = [[10], [20, 70000], [20, 10]]
    assert_same(propose(mat(tmp_path, superpixels=gaps, labels=cells(lists, (3, 1)))), EXPECTED)


def test_one_superpixel_is_the_whole_image(tmp_path):
    one = np.ones(SIZE, np.uint32)
    for labels in (cells([[1]], (1, 1)), np.ones((1, 1)), np.ones((1, 1), bool)):
        assert_same(propose(mat(tmp_path, superpixels=one, labels=labels, scores=None)), [one.astype(bool)])


def test_no_candidates_are_the_whole_image(tmp_path):
    for labels in (np.empty((0, 1), object), np.zeros((0, 0))):
        assert_same(propose(mat(tmp_path, labels=labels, scores=None)), [np.ones(SIZE, bool)])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": None}, "expected the variables superpixels and labels, as of MCG, got superpixels, scores"),
        ({"superpixels": None}, "expected the variables superpixels and labels"),
        (
            {"superpixels": SUPERPIXELS.T},
            "expected superpixels of 4×5 (height, width), those of the image, got 5×4; tr",
        ),
        ({"superpixels": SUPERPIXELS[:3]}, "got 3×5; make the candidates from these very images"),
        ({"superpixels": SUPERPIXELS - 1}, "superpixels: expected numbers from 1, as MATLAB counts, got 0"),
        ({"superpixels": SUPERPIXELS + 0.5}, "superpixels: expected whole numbers"),
        ({"superpixels": SUPERPIXELS * np.inf}, "superpixels: expected whole numbers"),
        ({"labels": cells([[1], [4], [2]], (3, 1))}, "labels: candidate 2 names superpixel 4, which no pixel has"),
        ({"labels": cells([[1], [2], [0]], (3, 1))}, "labels: candidate 3 names superpixel 0, which no pixel has"),
        ({"labels": np.array([[1], [2], [9]])}, "labels: candidate 3 names superpixel 9, which no pixel has"),
        ({"labels": MEMBERS[:, :2]}, "labels: expected 3 columns, one per superpixel, got 2"),
        ({"labels": np.ones((3, 2, 2))}, "labels: expected cells or a matrix, got an array of 3 dimensions"),
        ({"labels": np.array(["words", "and"])[:, None]}, "labels: expected"),
        ({"scores": SCORES[:2]}, "scores: expected 3 finite numbers, one per candidate, got 2"),
        ({"scores": SCORES * np.nan}, "scores: expected 3 finite numbers"),
    ],
)
def test_mistakes_in_a_mat_file_are_one_line(tmp_path, changes, message):
    with pytest.raises(DataError) as error:
        propose(mat(tmp_path, **changes))
    assert message in str(error.value)
    assert str(error.value).startswith(f"{tmp_path / 'im.mat'}: ")
    assert "\n" not in str(error.value)


def test_a_missing_an_empty_and_a_damaged_mat_file_are_one_line(tmp_path):
    with pytest.raises(DataError, match=r"im\.mat: no such file; make the image's candidates"):
        propose(tmp_path / "{image}.mat")
    whole = mat(tmp_path) and (tmp_path / "im.mat").read_bytes()
    for content in (b"", b"MATLAB", whole[:150], whole[:-40], whole[:200] + b"\xff" * 100 + whole[300:]):
        (tmp_path / "im.mat").write_bytes(content)
        with pytest.raises(DataError, match=r"^[^\n]*im\.mat: [^\n]*$"):
            propose(tmp_path / "{image}.mat")


def test_a_file_of_version_7_3_says_how_to_save_it_again(tmp_path):
    header = b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM"
    (tmp_path / "im.mat").write_bytes(header + bytes(400))
    with pytest.raises(DataError, match=r"version 7\.3 \(HDF5\); in MATLAB, load it and save it again with .*'-v7'"):
        propose(tmp_path / "{image}.mat")


# --- settings and the command -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"files": "mcg/all.mat"}, "settings.files: expected one .json for all images, or the .mat or .json of each"),
        ({"files": "mcg/{image}.png"}, "settings.files: expected"),
        ({"files": "{image}.json", "images": "x.json"}, "settings.images: expected nothing where files has {image}"),
        ({"files": "{image}.mat", "nms": 0.0}, "settings.nms: expected a number above 0"),
    ],
)
def test_settings_that_cannot_work_are_named(changes, message):
    with pytest.raises(ConfigError) as error:
        proposer(build(ImportedSettings, COMMON | {"images": ""} | changes, "settings"))
    assert message in str(error.value)


def test_the_example_in_the_configuration_works(config):
    lines = (ROOT / "config.yaml").read_text().splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("  # theirs:"))
    block = itertools.takewhile(lambda line: line.startswith("  # "), lines[start:])
    example = yaml.safe_load("\n".join(line[4:] for line in block))
    resolved = resolve(config | {"proposals": config["proposals"] | example})
    proposer(build_settings(resolved["proposals"]["theirs"], "proposals.theirs"))


@pytest.fixture
def make(tmp_path):
    """`boxsup proposals make` on three grey pictures, `im0` to `im2`."""
    rows = []
    for i in range(3):
        path = tmp_path / f"im{i}.png"
        Image.new("L", SIZE[::-1]).save(path)
        rows.append((f"im{i}", str(path), *SIZE, "", ""))
    images = pd.DataFrame(rows, columns=list(IMAGE_COLUMNS))
    write_catalogue(tmp_path / "catalogue", Catalogue(images, pd.DataFrame(columns=list(BOX_COLUMNS)), ("background",)))

    def run(files):
        own = json.dumps(COMMON | {"files": str(files), "images": ""})
        out = tmp_path / "pools.zarr"
        main(["proposals", "make", "--catalogue", str(tmp_path / "catalogue"), "--settings", own, "--out", str(out)])
        return Pools([out])

    return run


def test_pools_of_a_mat_file_an_image(make, tmp_path):
    for i in range(3):
        mat(tmp_path, labels=cells([[i + 1]], (1, 1)), scores=None)
        (tmp_path / "im.mat").rename(tmp_path / f"im{i}.mat")
    pools = make(tmp_path / "{image}.mat")
    for i in range(3):
        assert_same(pools[f"im{i}"], [np.equal(SUPERPIXELS, i + 1)])


def test_pools_of_one_file_of_results(make, tmp_path):
    pools = make(results(tmp_path / "all.json", (0, 0), (1, 1), (2, 2), (2, 3)))
    assert [len(pools[f"im{i}"]) for i in range(3)] == [1, 1, 2]
    assert_same(pools["im2"], [stripe(2), stripe(3)])


def test_an_image_without_a_file_stops_the_command_in_one_line(make, tmp_path, capsys):
    results(tmp_path / "all.json", (0, 0), (1, 1))
    with pytest.raises(SystemExit, match="1"):
        make(tmp_path / "all.json")
    assert "all.json: no record with image_id im2 or 2, for image im2" in capsys.readouterr().err.splitlines()[-1]
    assert not list(tmp_path.glob("*pools.zarr*"))
