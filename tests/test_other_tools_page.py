"""docs/other-tools.md: its commands on files in the layout of each tool, and its Python by the tools that are there."""

import contextlib
import json
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from pycocotools import mask as runs_of
from pycocotools.coco import COCO

from boxsup.cli import main
from helpers import own_data
from helpers.networks import write_object_network
from helpers.paths import ROOT

pytestmark = pytest.mark.slow  # candidates are made

PAGE = (ROOT / "docs" / "other-tools.md").read_text()
PARTS = dict(re.findall(r"^## (.+)\n((?:(?!^## ).*\n?)*)", PAGE, re.MULTILINE))
READERS = Path(os.environ.get("BOXSUP_READERS", ROOT / ".venv-readers")) / "bin" / "python"
TOOLS = {"FiftyOne": "fiftyone", "Datumaro": "datumaro", "Label Studio": "label-studio", "CVAT": "cvat"}
# What each tool writes beside COCO's own keys; it must come back as it was.
OF_TOOL = {
    "fiftyone": {"iscrowd": 0, "supercategory": "form"},
    "datumaro": {"attributes": {"occluded": False}},
    "label-studio": {"ignore": 0, "iscrowd": 0},
    "cvat": {"attributes": {"occluded": True, "rotation": 0.0, "colour": "red"}},
}


def blocks(tool, language):
    return re.findall(rf"^```{language}\n(.*?)^```", PARTS[tool], re.MULTILINE | re.DOTALL)


def places(tool):
    """The folder of images and the JSON that a tool's part of the page names."""
    [words] = [line for line in commands(tool) if "init" in line[:1]]
    return Path(words[words.index("--images") + 1]), Path(words[words.index("--boxes") + 1])


def commands(tool):
    lines = [line for block in blocks(tool, "sh") for line in block.replace("\\\n", " ").splitlines()]
    return [shlex.split(line)[1:] for line in lines if line.startswith(".venv/bin/boxsup")]


@pytest.fixture(scope="module")
def made():
    return own_data.pictures(2)


@pytest.fixture(scope="module")
def here(tmp_path_factory, made):
    """A folder in which each tool left its export, and then every command of the page ran."""
    home = tmp_path_factory.mktemp("tools")
    network = write_object_network(home / "objects.pt")
    for tool, name in TOOLS.items():
        images, boxes = places(tool)
        inner = "images/" if tool == "Label Studio" else ""
        own_data.write_images(home / images / inner, made)
        (home / boxes).parent.mkdir(parents=True, exist_ok=True)
        own_data.write_coco(home / boxes, made)
        content = json.loads((home / boxes).read_text())
        for record in content["annotations"]:
            record |= OF_TOOL[name] | {"segmentation": [], "area": record["bbox"][2] * record["bbox"][3]}
        for image in content["images"]:
            image["file_name"] = inner + image["file_name"]
        content["info"] = {"description": f"written by {tool}"}
        (home / boxes).write_text(json.dumps(content))
    fast = ["--objects", str(network), "--workers", "1", "--proposals", "selective_search"]
    with contextlib.chdir(home):
        for tool in TOOLS:
            for words in commands(tool):
                main([*words, *(fast if words[0] == "masks" else [])])
    return home


def test_each_part_says_in_out_and_what_is_lost():
    assert list(PARTS) == list(TOOLS)
    for text in PARTS.values():
        for word in ("**In.**", "**Out.**", "**What is lost.**"):
            assert text.count(word) == 1


@pytest.mark.parametrize("tool", TOOLS)
def test_the_copy_is_the_tools_own_file_with_masks(here, made, tool):
    before = json.loads((here / places(tool)[1]).read_text())
    copy = here / f"{TOOLS[tool]}-masks" / "coco.json"
    after = json.loads(copy.read_text())
    new = {"segmentation", "area", "score"}
    for old, record in zip(before["annotations"], after["annotations"], strict=True):
        assert {key: value for key, value in record.items() if key not in new} == {
            key: value for key, value in old.items() if key not in new
        }
        assert 0 <= record["score"] <= 1
        assert runs_of.area(record["segmentation"]) == record["area"] > 0
    assert {key: after[key] for key in ("info", "categories", "images")} == {
        key: before[key] for key in ("info", "categories", "images")
    }
    assert (here / f"from-{TOOLS[tool]}" / "config.yaml").is_file()


def test_label_studio_gets_a_task_for_each_image_below_the_folder_it_serves(here):
    out = here / "label-studio-masks" / "label_studio"
    tasks = json.loads((out / "tasks.json").read_text())
    assert len(tasks) == 2
    for task in tasks:
        assert (here / "label-studio" / task["data"]["image"].partition("?d=")[2]).is_file()
    assert "BrushLabels" in (out / "labelling.xml").read_text()


def test_cvat_gets_polygons_too(here):
    content = json.loads((here / "cvat-masks" / "coco_polygons.json").read_text())
    assert all(isinstance(record["segmentation"], list) for record in content["annotations"])


def in_tool(code, folder):
    """Run Python of the page by the tool, and what it prints last as JSON."""
    if not READERS.is_file():
        pytest.skip("no Datumaro and Label Studio converter (make readers; BOXSUP_READERS)")
    done = subprocess.run([READERS, "-c", code], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


READ = """
import json
labels = [label.name for label in data.categories()[datumaro.AnnotationType.label]]
print(json.dumps({item.id: sorted([labels[each.label], int(each.image.sum()), round(each.attributes["score"], 4)]
      for each in item.annotations if each.type == datumaro.AnnotationType.mask) for item in data}))
"""


def test_datumaro_makes_the_folder_and_reads_the_masks(here, made, tmp_path):
    export, read = blocks("Datumaro", "python")
    own_data.write_images(tmp_path / "theirs/JPEGImages", made, "jpg")
    own_data.write_voc_xml(tmp_path / "theirs/Annotations", made)
    sets = tmp_path / "theirs/ImageSets/Main"
    sets.mkdir(parents=True)
    (sets / "train.txt").write_text("".join(f"{image}\n" for image in made))
    lines = [f"{name}:{number},0,0::\n" for number, name in enumerate(own_data.CLASSES)]
    (tmp_path / "theirs/labelmap.txt").write_text("".join(lines))  # Datumaro knows VOC's own classes
    in_tool(f"{export}\nprint(1)", tmp_path)
    images, boxes = places("Datumaro")
    found = COCO(str(tmp_path / boxes))
    assert len(found.anns) == sum(len(each.objects) for each in made.values())
    assert all((tmp_path / images / image["file_name"]).is_file() for image in found.imgs.values())
    for name in ("datumaro", "datumaro-masks"):
        shutil.copytree(here / name, tmp_path / "again" / name)
    ours = COCO(str(here / "datumaro-masks/coco.json"))
    masks = {Path(image["file_name"]).stem: [] for image in ours.imgs.values()}
    for record in ours.anns.values():
        name = Path(ours.imgs[record["image_id"]]["file_name"]).stem
        masks[name].append([ours.cats[record["category_id"]]["name"], record["area"], round(record["score"], 4)])
    read_back = in_tool(read + READ, tmp_path / "again")
    assert read_back == {name: sorted(each) for name, each in masks.items()}


LABELLING = """<View><Image name="image" value="$image"/><RectangleLabels name="label" toName="image">
<Label value="ring"/><Label value="crescent"/><Label value="star"/></RectangleLabels></View>"""


def test_label_studios_converter_writes_what_the_command_reads(here, made, tmp_path):
    own_data.write_images(tmp_path / "photos", made)
    (tmp_path / "labelling.xml").write_text(LABELLING)
    tasks = []
    for number, (name, each) in enumerate(made.items(), start=1):
        height, width = each.instances.shape
        results = []
        for index, thing in enumerate(each.objects):
            x0, y0, x1, y1 = thing.box
            shares = {"x": x0 / width, "y": y0 / height, "width": (x1 - x0) / width, "height": (y1 - y0) / height}
            value = {key: 100 * share for key, share in shares.items()}
            value |= {"rotation": 0, "rectanglelabels": [own_data.CLASSES[thing.class_id]]}
            results.append(
                {"id": f"r{index}", "type": "rectanglelabels", "from_name": "label", "to_name": "image", "value": value}
                | {"original_width": width, "original_height": height, "image_rotation": 0}
            )
        data = {"image": f"/data/upload/1/{name}.png"}
        tasks.append({"id": number, "data": data, "annotations": [{"id": number, "result": results}]})
    (tmp_path / "export.json").write_text(json.dumps(tasks))
    (tmp_path / "photos/1").mkdir()
    for name in made:
        shutil.copy(tmp_path / f"photos/{name}.png", tmp_path / f"photos/1/{name}.png")
    in_tool(blocks("Label Studio", "python")[0] + "\nprint(1)", tmp_path)
    with contextlib.chdir(tmp_path):
        main(next(words for words in commands("Label Studio") if words[0] == "init"))
    _, boxes = places("Label Studio")
    found = COCO(str(tmp_path / boxes))
    sizes = sorted(np.prod(record["bbox"][2:]).round() for record in found.anns.values())
    boxes = [thing.box for each in made.values() for thing in each.objects]
    assert sizes == sorted((x1 - x0) * (y1 - y0) for x0, y0, x1, y1 in boxes)
