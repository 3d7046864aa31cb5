"""Which jobs each edit of a data set's files runs again, and no others."""

import shutil

import pytest
import yaml
from PIL import Image

from helpers import own_data
from helpers.workflow_runs import RUN, TARGET, TINY, copy_of, planned

pytestmark = pytest.mark.slow  # Snakemake runs

TREE = "results/data/demo/tree"
FOLLOWING = {"labels", "label_quality", "epoch", "predictions", "evaluation", "trimap", "report"}
TRAINED = FOLLOWING | {"objects"}
CATALOGUE = {"inventory", "catalogue", "network"}
SHARD = "data/demo/train/{}/mcg/{}-of-2.zarr"


@pytest.fixture
def edited(demo, snakemake, tmp_path):
    """The jobs that a dry run plans after an edit of the demo's tree."""
    directory = copy_of(demo, tmp_path / "run")

    def jobs(name, how, run=()):
        how(directory / TREE / name)
        if run:
            snakemake(directory, *run)
        return planned(snakemake(directory, "--dry-run", TARGET).stdout)

    return jobs


def other_box(path):
    text = path.read_text()
    path.write_text(text.replace("<difficult>0", "<difficult>1", 1))
    assert path.read_text() != text


def replaced_by(name):
    return lambda path: shutil.copyfile(path.with_name(name), path)


def test_a_box(edited):
    jobs = edited("Annotations/train_0000.xml", other_box)
    assert set(jobs) == TRAINED | CATALOGUE | {"overlaps"}
    assert jobs["catalogue"] == {"data/demo/train/images.csv"}
    assert jobs["overlaps"] == {SHARD.format("overlaps", 0)}
    assert len(jobs["labels"]) == 2


def test_a_box_that_may_have_a_view(snakemake, config, tmp_path):
    viewed = config["proposals"]["selective_search"] | {"views": config["proposals"]["mcg_views"]["views"]}
    own = tmp_path / "viewed.yaml"
    own.write_text(yaml.safe_dump({"proposals": {"viewed": viewed}}))
    stores = [f"data/demo/train/proposals/viewed/{i}-of-2.zarr" for i in (0, 1)]
    targets = [f"results/{store}" for store in stores]
    snakemake(tmp_path, *targets, configs=(TINY, own))
    assert planned(snakemake(tmp_path, "--dry-run", *targets, configs=(TINY, own)).stdout) == {}
    other_box(tmp_path / TREE / "Annotations/train_0000.xml")
    jobs = planned(snakemake(tmp_path, "--dry-run", *targets, configs=(TINY, own)).stdout)
    assert jobs["proposals"] == {stores[0]}


def test_an_image(edited):
    jobs = edited("JPEGImages/train_0009.jpg", replaced_by("val_0000.jpg"))
    assert set(jobs) == TRAINED | CATALOGUE | {"proposals", "overlaps"}
    assert jobs["proposals"] == {SHARD.format("proposals", 1)}
    assert jobs["overlaps"] == {SHARD.format("overlaps", 1)}


def test_a_line_of_the_list(edited):
    jobs = edited(
        "ImageSets/Segmentation/train.txt", lambda path: path.write_text("\n".join(path.read_text().split()[:9]))
    )
    assert set(jobs) == TRAINED | CATALOGUE | {"proposals", "overlaps"}
    # 10 images were two shards of five; 9 are one of four and one of five, which begins an image earlier.
    assert jobs["proposals"] == {SHARD.format("proposals", shard) for shard in (0, 1)}


def test_a_true_mask_to_evaluate_on(edited):
    jobs = edited("SegmentationClass/val_0000.png", replaced_by("val_0001.png"))
    assert set(jobs) == {"evaluation", "trimap", "report"}


@pytest.fixture
def masked(demo):
    """The images whose masks are trained on."""
    return (demo / TREE / "ImageSets/Segmentation/masks.txt").read_text().split()


def test_a_true_mask_that_quality_is_measured_on(edited, masked):
    other = next(image for image in (f"train_{index:04d}" for index in range(10)) if image not in masked)
    jobs = edited(f"SegmentationClass/{other}.png", replaced_by("val_0000.png"))
    assert set(jobs) == {"label_quality", "report"}


def test_a_true_mask_that_is_trained_on(edited, masked):
    jobs = edited(f"SegmentationClass/{masked[0]}.png", replaced_by("val_0000.png"))
    assert set(jobs) == TRAINED | {"fixed_masks"}


def mirrored(path):
    with Image.open(path) as image:
        pixels = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    pixels.save(path)


def test_an_edit_that_is_run_is_done(edited):
    run = (f"results/{RUN}/labels/001.zarr",)
    jobs = edited("JPEGImages/train_0009.jpg", mirrored, run)
    assert set(jobs) == FOLLOWING  # what follows from the generation; the tables came out the same
    assert jobs["labels"] == {f"{RUN}/labels/002.zarr"}


def test_an_edit_and_a_setting_of_proposals_in_one(edited, snakemake, tmp_path):
    edited("Annotations/train_0000.xml", other_box)
    own = tmp_path / "nms.yaml"
    own.write_text("proposals: {mcg: {nms: 0.8}}")
    jobs = planned(snakemake(tmp_path / "run", "--dry-run", TARGET, configs=(TINY, own)).stdout)
    assert jobs["proposals"] == {SHARD.format("proposals", shard) for shard in (0, 1)}
    assert jobs["overlaps"] == {SHARD.format("overlaps", shard) for shard in (0, 1)}


def touch_all(path):
    for each in (path, *path.rglob("*")):
        each.touch()


def test_new_dates_run_nothing(edited):
    assert edited(".", touch_all) == {}


def test_data_that_are_away_run_nothing(edited):
    assert edited(".", lambda path: path.rename(path.with_name("away"))) == {}


FORMATS = {
    "coco": ("boxes.json", lambda root, made: own_data.write_coco(root / "boxes.json", made)),
    "voc_xml": ("annotations/picture_00.xml", lambda root, made: own_data.write_voc_xml(root / "annotations", made)),
    "yolo": ("labels/picture_00.txt", own_data.write_yolo),
    "labelme": ("annotations/picture_00.json", lambda root, made: own_data.write_labelme(root / "annotations", made)),
}


def test_own_data_of_each_format(snakemake, tmp_path):
    """A data set in each of them, in one run."""
    made = own_data.pictures(4)
    datasets = {}
    for form, (name, write) in FORMATS.items():
        own_data.write_images(tmp_path / form / "images", made)
        write(tmp_path / form, made)
        split = {"images": "images", "annotations": name.split("/")[0], "masks": "none"}
        datasets[form] = {"format": form, "root": form, "classes": list(own_data.FORMS), "splits": {"all": split}}
        datasets[form] |= {"shards": 2, "on_problem": "stop"}
    config = tmp_path / "own.yaml"
    config.write_text(yaml.safe_dump({"datasets": {f"own_{form}": own for form, own in datasets.items()}}))
    tables = {form: f"data/own_{form}/all" for form in FORMATS}
    targets = ["--", *(f"results/{folder}/boxes.csv" for folder in tables.values())]

    def plan():
        return planned(snakemake(tmp_path, "--dry-run", *targets, configs=(config,)).stdout)

    snakemake(tmp_path, *targets, configs=(config,))
    assert plan() == {}
    for form, (name, _) in FORMATS.items():
        (tmp_path / form / name).write_bytes((tmp_path / form / name).read_bytes() + b"\n")
    again = {"inventory": "inventory.json", "catalogue": "images.csv"}
    expected = {rule: {f"{folder}/{name}" for folder in tables.values()} for rule, name in again.items()}
    assert plan() == expected
    snakemake(tmp_path, *targets, configs=(config,))
    assert plan() == {}
    for form in FORMATS:
        shutil.copyfile(tmp_path / form / "images/picture_00.png", tmp_path / form / "images/picture_01.png")
    assert plan() == expected


def test_a_part_of_a_union(snakemake, tmp_path):
    """What is in one part is read again, and the union is joined."""
    roots = {name: tmp_path / name for name in ("one", "two")}
    datasets = {}
    for number, (name, root) in enumerate(roots.items()):
        made = {f"{name}_{image}": each for image, each in own_data.pictures(3).items()}
        own_data.write_images(root / "images", made)
        own_data.write_voc_xml(root / "annotations", made)
        split = {"images": "images", "annotations": "annotations", "masks": "none"}
        datasets[name] = {"format": "voc_xml", "root": str(root), "splits": {"all": split}, "shards": number + 1}
        datasets[name] |= {"classes": list(own_data.FORMS), "on_problem": "stop"}
    datasets["both"] = {"format": "union", "splits": {"all": ["one/all", "two/all"]}}
    own = tmp_path / "own.yaml"
    own.write_text(yaml.safe_dump({"datasets": datasets}))
    target = "results/data/both/all/boxes.csv"
    snakemake(tmp_path, target, configs=(own,))
    annotation = next((roots["two"] / "annotations").glob("*.xml"))
    annotation.write_bytes(annotation.read_bytes() + b"\n")
    jobs = planned(snakemake(tmp_path, "--dry-run", target, configs=(own,)).stdout)
    assert jobs == {
        "inventory": {"data/two/all/inventory.json"},
        "catalogue": {"data/two/all/images.csv"},
        "join": {"data/both/all/images.csv"},
    }
