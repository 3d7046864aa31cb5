"""The command `export`: what other programs run gives what the network gives, and says what it takes."""

import ast
import json
import sys

import numpy as np
import pytest
import torch

import boxsup
from boxsup.cli import main
from boxsup.image.files import read_image
from boxsup.inference import export
from boxsup.inference.export import TOLERANCE, WRITERS, FullSize, export_program, max_difference
from boxsup.inference.labelling import Labelling, ObjectNetworks, RunLabelling, format_labelling
from boxsup.network import build_network
from boxsup.network.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from boxsup.network.images import Normalisation, normalise
from helpers.networks import network_that_has_seen
from helpers.small_split import CLASSES, draw

pytestmark = pytest.mark.slow  # networks are exported and run by other programs

OWN = Normalisation((0.5, 0.4, 0.3), (0.3, 0.2, 0.25))
MADE = {"generation": 3, "every": 1, "objects": ObjectNetworks(rounds=0, folds=2)}
LABELLED = {"scales": [0.5, 1.0], "background_bias": -0.5}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A model that takes images in a way of its own, and its run's file that says how it labels them."""
    folder = tmp_path_factory.mktemp("export")
    network = network_that_has_seen(draw(seed, 96, 80)[0] for seed in range(4))
    save_checkpoint(folder / "m.pt", Checkpoint("mobilenet_v2", CLASSES, network, 3, {}, OWN))
    labelling = Labelling(**LABELLED, update_scales=(1.0,), crf=None, threads=1)
    run = RunLabelling(experiment="own", checkpoints_of="", seeds=(0,), epochs=3, labelling=labelling, **MADE)
    (folder / "labelling.json").write_text(format_labelling(run))
    return folder


def command(folder, form, *more):
    main(["export", "--model", str(folder / "m.pt"), "--format", form, *map(str, more)])


@pytest.fixture(scope="module")
def onnx(folder):
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    command(folder, "onnx", "--out", folder / "a" / "free.onnx")
    return folder / "a" / "free.onnx"


def test_onnx_gives_what_the_model_gives_on_real_images_of_any_size(folder, onnx, voc_mini):
    import onnxruntime

    facts = json.loads((onnx.parent / "free.onnx.json").read_text())
    session = onnxruntime.InferenceSession(str(onnx), providers=["CPUExecutionProvider"])
    model = boxsup.load(folder / "m.pt")
    mean, std = (np.array(facts["normalisation"][name], np.float32) for name in ("mean", "std"))
    sizes = set()
    for path in sorted((voc_mini / "JPEGImages").glob("*.jpg"))[:3]:
        pixels = read_image(path)[: 200 + 10 * len(sizes)]
        # By the words of the file that goes with it, and nothing else of ours.
        image = ((pixels.astype(np.float32) / 255 - mean) / std).transpose(2, 0, 1)[None]
        [scores] = session.run([facts["output"]["name"]], {facts["input"]["name"]: image})
        expected = model.predict(pixels, scores=True)
        assert np.abs(scores[0] - expected.scores).max() <= 1e-3
        names = np.array(facts["classes"])[scores[0].argmax(axis=0)]
        assert (names == np.array(expected.names)[expected.labels]).mean() > 0.999
        sizes.add(pixels.shape)
    assert len(sizes) > 1


def test_onnx_takes_several_images_at_once(onnx):
    import onnxruntime

    session = onnxruntime.InferenceSession(str(onnx), providers=["CPUExecutionProvider"])
    images = np.stack([normalise(draw(seed, 70, 90)[0], OWN).numpy() for seed in range(3)])
    together = session.run(None, {"image": images})[0]
    alone = [session.run(None, {"image": image[None]})[0][0] for image in images]
    np.testing.assert_allclose(together, np.stack(alone), atol=1e-4)


def test_the_file_beside_it_says_what_it_is(folder, onnx):
    import onnx as library

    facts = json.loads((onnx.parent / "free.onnx.json").read_text())
    assert facts["classes"] == list(CLASSES)
    assert facts["input"]["shape"] == ["batch", 3, "height", "width"]
    assert facts["output"]["shape"] == ["batch", 3, "height", "width"]
    assert facts["normalisation"] == {"mean": list(OWN.mean), "std": list(OWN.std)}
    assert facts["checked"]["pictures"] == 2
    assert 0 <= facts["checked"]["greatest_difference"] <= TOLERANCE
    assert facts["labelling"]["computed"] == LABELLED
    written = library.load(onnx)
    [inside] = [entry.value for entry in written.metadata_props if entry.key == "boxsup"]
    assert json.loads(inside)["labelling"] == facts["labelling"]
    library.checker.check_model(written)
    others = metadata_of(onnx)
    assert ast.literal_eval(others["names"]) == dict(enumerate(CLASSES))  # as Ultralytics' readers do
    assert others["task"] == "semantic"
    assert "class_names" not in others  # logarithms are nothing for Deepness
    assert [entry.version for entry in written.opset_import if not entry.domain] == [facts["opset"]]
    assert sorted(path.name for path in onnx.parent.glob("[!.]*")) == ["free.onnx", "free.onnx.json"]


def metadata_of(path):
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return session.get_modelmeta().custom_metadata_map


def test_a_network_of_smp_that_training_has_laid_out_in_memory_is_exported_for_any_size(tmp_path):
    pytest.importorskip("segmentation_models_pytorch")
    name = "smp:unet:tu-mobilenetv3_small_050:16"
    torch.manual_seed(0)
    network = build_network(name, 3).to(memory_format=torch.channels_last)
    save_checkpoint(tmp_path / "m.pt", Checkpoint(name, CLASSES, network, 1, {}))
    module = FullSize(load_checkpoint(tmp_path / "m.pt").model).eval()
    image = torch.randn(1, 3, 75, 90)
    torch.testing.assert_close(export_program(module, None).module()(image), module(image), atol=TOLERANCE, rtol=0)


def test_a_network_of_smp_is_exported_for_deepness(tmp_path):
    pytest.importorskip("segmentation_models_pytorch")
    import onnxruntime

    torch.manual_seed(0)
    network = build_network("smp:deeplabv3plus:tu-mobilenetv3_small_050:16", 3)
    save_checkpoint(
        tmp_path / "m.pt", Checkpoint("smp:deeplabv3plus:tu-mobilenetv3_small_050:16", CLASSES, network, 1, {})
    )
    command(tmp_path, "onnx", "--size", 64, 64, "--resolution", 20, "--out", tmp_path / "d.onnx")
    known = metadata_of(tmp_path / "d.onnx")
    # Deepness reads each of these as JSON.
    names = {int(label): name for label, name in json.loads(known["class_names"]).items()}
    assert [names[label] for label in sorted(names)] == list(CLASSES)
    assert json.loads(known["model_type"]) == "Segmentor"
    assert [json.loads(known[key]) for key in ("resolution", "tiles_size", "tiles_overlap")] == [20, 64, 15]
    assert ast.literal_eval(known["imgsz"]) == [64, 64]
    mean, std = (json.loads(known[f"standardization_{key}"]) for key in ("mean", "std"))
    pixels = draw(3, 64, 64)[0]
    image = ((pixels.astype(np.float32) / 255 - mean) / std).astype(np.float32).transpose(2, 0, 1)[None]
    session = onnxruntime.InferenceSession(str(tmp_path / "d.onnx"), providers=["CPUExecutionProvider"])
    [scores] = session.run(None, {"image": image})
    expected = boxsup.load(tmp_path / "m.pt").predict(pixels, scores=True)
    np.testing.assert_allclose(scores[0], np.exp(expected.scores), atol=1e-3)
    scores[scores < json.loads(known["seg_thresh"])] = 0  # as the plugin does
    assert (scores[0].argmax(axis=0) == expected.labels).mean() > 0.99


def test_a_scale_that_is_too_small_for_any_size_is_named(folder, tmp_path, capsys):
    """The size was blamed, and no size helped."""
    with pytest.raises(SystemExit, match="1"):
        command(folder, "torch", "--scales", 1, 0.001, "--out", tmp_path / "m.pt2")
    assert (
        "at scale 0.001 for images of any size, since small ones have too few pixels there" in capsys.readouterr().err
    )


def test_torch_export_comes_back_from_disk_at_a_fixed_size(folder, tmp_path):
    command(folder, "torch", "--size", "96", "80", "--out", tmp_path / "fixed.pt2")
    program = torch.export.load(tmp_path / "fixed.pt2").module()
    pixels = draw(7, 96, 80)[0]
    scores = program(normalise(pixels, OWN)[None]).detach().numpy()
    expected = boxsup.load(folder / "m.pt").predict(pixels, scores=True).scores
    np.testing.assert_allclose(scores[0], expected, atol=1e-3)
    facts = json.loads((tmp_path / "fixed.pt2.json").read_text())
    assert facts["input"]["shape"] == ["batch", 3, 96, 80]
    assert facts["input"]["sides"] == [96, 80]


def test_a_file_that_gives_something_else_is_an_error_and_not_left(folder, tmp_path, monkeypatch, capsys):
    """The writer of another network's file stands for an exporter that gets a layer wrong."""

    def write(program, path, facts):
        other = network_that_has_seen(draw(seed, 96, 80)[0] for seed in range(4, 8)).eval()
        export.write_torch(export.export_program(FullSize(other).eval(), (96, 80)), path, facts)

    monkeypatch.setitem(WRITERS, "torch", (write, export.run_torch))
    with pytest.raises(SystemExit, match="1"):
        command(folder, "torch", "--size", "96", "80", "--out", tmp_path / "wrong.pt2")
    assert "differs from the network by" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_number_is_no_agreement(folder):
    checkpoint = load_checkpoint(folder / "m.pt")
    network = FullSize(checkpoint.model).eval()
    with pytest.raises(export.BoxSupError, match="differs"):
        max_difference(network, checkpoint, lambda images: images[:, :3] * np.nan, [draw(0, 96, 80)[0]])


def test_missing_packages_are_named_with_the_command_that_installs_them(folder, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "onnxruntime" else sys)
    with pytest.raises(SystemExit, match="1"):
        command(folder, "onnx", "--out", tmp_path / "a.onnx")
    assert "needs onnxruntime: pip install onnx onnxruntime onnxscript" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["--format", "torch", "--out", "a.onnx"], "1", "expected a file that ends in .pt2"),
        (["--format", "torch", "--images", "nowhere.jpg"], "1", "nowhere.jpg: no such image"),
        (["--format", "coreml"], "2", "invalid choice: 'coreml' (choose from"),
        (["--format", "onnx", "--resolution", "20", "--size", "64", "96"], "1", "and a square --size, as 512 512"),
        (["--format", "hub", "--size", "64", "64"], "1", "--format hub: --size, --images and --resolution are for"),
        (["--format", "safetensors", "--out", "a.pt"], "1", "expected a file that ends in .safetensors"),
        (["--format", "torch", "--size", "96", "0"], "2", "expected a whole number from 1 on, got '0'"),
    ],
)
def test_a_users_mistake_says_what_is_right(folder, tmp_path, monkeypatch, capsys, arguments, status, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match=status):
        main(["export", "--model", str(folder / "m.pt"), *arguments])
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
