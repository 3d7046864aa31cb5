"""The command `predict`, from files to masks, overlays, videos and a summary."""

import errno
import os
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from PIL import Image

import boxsup
from boxsup.cli import main
from boxsup.commands.parser import make_parser
from boxsup.errors import ConfigError, DataError, StoreError
from boxsup.image.files import read_image, read_mask
from boxsup.image.palette import voc_palette
from boxsup.image.tiles import tiles
from boxsup.inference.video import Video, VideoWriter
from boxsup.network.checkpoint import Checkpoint, save_checkpoint
from boxsup.store.atomic import atomic_write
from helpers.networks import network_that_has_seen
from helpers.small_split import CLASSES, draw

SIDE = (48, 56)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three pictures, a video of five frames, and a model."""
    folder = tmp_path_factory.mktemp("predict")
    (folder / "in").mkdir()
    pictures = [draw(seed)[0] for seed in range(5)]
    for number, picture in enumerate(pictures[:3]):
        Image.fromarray(picture).save(folder / "in" / f"{number}.png")
    with VideoWriter(folder / "in" / "clip.mp4", 12.5) as writer:
        for picture in pictures:
            writer.append(picture)
    save_checkpoint(folder / "m.pt", Checkpoint("mobilenet_v2", CLASSES, network_that_has_seen(pictures[:4]), 0, {}))
    return folder


def predict(folder, out, *more, inputs=None):
    inputs = [str(folder / "in")] if inputs is None else inputs
    main(["predict", *map(str, inputs), "--model", str(folder / "m.pt"), "--out", str(out), *more])


@pytest.fixture(scope="module")
def plain(folder):
    predict(folder, folder / "plain")
    return folder / "plain"


def files(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("[!.]*") if path.is_file()}


def test_a_large_image_is_labelled_in_tiles(folder, tmp_path):
    picture = np.concatenate(
        [np.concatenate([draw(seed)[0] for seed in row], axis=1) for row in ((5, 6), (7, 8), (9, 5))]
    )
    picture = picture[:139, :91]
    Image.fromarray(picture).save(tmp_path / "large.png")
    for options in (["--crf"], []):
        predict(folder, tmp_path / "out", "--tile", "64", *options, inputs=[tmp_path / "large.png"])
        model, expected = boxsup.load(folder / "m.pt", threads=4), np.full(picture.shape[:2], 255)
        for tile in tiles(139, 91, 64):
            alone = model.predict(np.ascontiguousarray(picture[tile.seen]), crf=bool(options)).labels
            expected[tile.kept] = alone[tile.inner]
        written = read_mask(tmp_path / "out/masks/large.png")
        np.testing.assert_array_equal(written, expected)
        np.testing.assert_array_equal(model.predict(picture, tile=64, crf=bool(options)).labels, written)
    np.testing.assert_array_equal(model.predict(picture, tile=139).labels, model.predict(picture).labels)


def test_an_image_is_looked_at_in_the_size_that_is_asked_for(folder, tmp_path):
    picture = np.repeat(np.repeat(draw(5)[0], 15, axis=0), 15, axis=1)  # 0.6 megapixels
    Image.fromarray(picture).save(tmp_path / "large.png")
    model = boxsup.load(folder / "m.pt", threads=4)
    labels = {}
    for size in ("inf", "0.1"):
        predict(folder, tmp_path / size, "--megapixels", size, inputs=[tmp_path / "large.png"])
        labels[size] = read_mask(tmp_path / size / "masks/large.png")
        np.testing.assert_array_equal(model.predict(picture, megapixels=float(size)).labels, labels[size])
    assert (labels["inf"] != labels["0.1"]).any()


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (("--tile", "63"), "expected 64 px or more, got '63'"),
        (("--megapixels", "0"), "expected a number above 0, or inf"),
    ],
)
def test_a_tile_or_size_that_is_none_is_one_line(folder, tmp_path, capsys, option, message):
    with pytest.raises(SystemExit):
        predict(folder, tmp_path / "out", *option)
    assert message in capsys.readouterr().err


def test_from_python_too_a_tile_or_size_that_is_none_is_said(folder):
    model, picture = boxsup.load(folder / "m.pt"), draw(5)[0]
    for wrong in ({"tile": 63}, {"tile": 64, "scores": True}, {"megapixels": 0}, {"megapixels": float("nan")}):
        with pytest.raises(ConfigError, match=next(iter(wrong))):
            model.predict(picture, **wrong)


def test_every_file_has_its_results_and_nothing_else_is_written(plain):
    assert sorted(files(plain)) == [
        *(f"masks/{number}.png" for number in range(3)),
        *(f"overlays/{number}.jpg" for number in range(3)),
        "problems.csv",
        "summary.csv",
        "videos/clip.mp4",
    ]


def test_masks_are_the_models_in_vocs_palette(folder, plain):
    model = boxsup.load(folder / "m.pt", threads=4)
    for number in range(3):
        expected = model.predict(folder / "in" / f"{number}.png").labels
        np.testing.assert_array_equal(read_mask(plain / "masks" / f"{number}.png"), expected)
        with Image.open(plain / "masks" / f"{number}.png") as image:
            assert image.getpalette() == voc_palette().ravel().tolist()
        assert read_image(plain / "overlays" / f"{number}.jpg").shape == (*SIDE, 3)


@pytest.mark.slow
def test_the_crf_scales_and_bias_are_the_models(folder, tmp_path):
    options = ["--crf", "--scales", "0.5", "1", "--background-bias", "-0.5"]
    predict(folder, tmp_path, *options, inputs=[folder / "in" / "1.png"])
    model = boxsup.load(folder / "m.pt", threads=4)
    expected = model.predict(folder / "in" / "1.png", crf=True, scales=(0.5, 1.0), background_bias=-0.5).labels
    np.testing.assert_array_equal(read_mask(tmp_path / "masks" / "1.png"), expected)


def test_the_crfs_settings_may_be_ones_own(folder, tmp_path):
    (tmp_path / "own.yaml").write_text("defaults: {inference: {crf: {bilateral_weight: x}}}")
    with pytest.raises(SystemExit, match="1"):
        predict(folder, tmp_path / "out", "--crf", "--config", str(tmp_path / "own.yaml"))
    assert not (tmp_path / "out").exists()


def test_the_summary_counts_pixels(folder, plain):
    table = pd.read_csv(plain / "summary.csv")
    for name, rows in table.groupby("name"):
        assert rows["share"].sum() == pytest.approx(1, abs=1e-5)
        assert rows["pixels"].sum() == 48 * 56 * rows["frames"].iloc[0]
        assert rows["frames"].iloc[0] == (5 if name == "clip" else 1)
    labels = read_mask(plain / "masks" / "2.png")
    rows = table[table["name"] == "2"].set_index("label")
    assert rows["pixels"].to_dict() == dict(zip(*np.unique(labels, return_counts=True), strict=True))
    assert all(rows["class"] == [CLASSES[label] for label in rows.index])
    assert len(pd.read_csv(plain / "problems.csv")) == 0


def test_a_video_comes_back_with_its_rate_and_every_frame(folder, plain):
    video = Video(plain / "videos" / "clip.mp4")
    frames = list(video)
    assert (video.rate, video.announced, len(frames)) == (12.5, 5, 5)
    source = next(iter(Video(folder / "in" / "clip.mp4")))
    expected = boxsup.load(folder / "m.pt", threads=4).predict(source).labels
    grey = np.ptp(frames[0].astype(int), axis=-1) < 30  # background stays grey, labels are coloured; lossy
    assert (grey == (expected == 0)).mean() > 0.8


def test_the_same_again_is_the_same_bytes(folder, plain, tmp_path):
    predict(folder, tmp_path / "again")
    assert files(tmp_path / "again") == files(plain)


def test_a_bad_file_is_noted_and_the_others_go_on(folder, tmp_path, capsys):
    (tmp_path / "in").mkdir()
    for number in range(3):
        (tmp_path / "in" / f"{number}.png").write_bytes((folder / "in" / f"{number}.png").read_bytes())
    (tmp_path / "in" / "0.png").write_bytes((folder / "in" / "0.png").read_bytes()[:500])
    (tmp_path / "in" / "bad.mp4").write_bytes(b"no video")
    (tmp_path / "in" / "link.png").symlink_to(folder / "in" / "1.png")
    with pytest.raises(SystemExit, match="1"):
        predict(folder, tmp_path / "out", inputs=[tmp_path / "in"])
    said = capsys.readouterr().err
    assert "predict: 2 files, see" in said
    assert "3 of 5 files, see" in said
    problems = pd.read_csv(tmp_path / "out" / "problems.csv", dtype=str)
    assert list(problems["image"]) == ["link", "0", "bad"]
    assert sorted(files(tmp_path / "out")) == [
        "masks/1.png", "masks/2.png", "overlays/1.jpg", "overlays/2.jpg", "problems.csv", "summary.csv",
    ]  # fmt: skip


def test_frames_that_are_not_read_are_said(folder, tmp_path, capsys):
    first, *others = (Image.open(folder / "in" / f"{number}.png") for number in range(3))
    first.save(tmp_path / "a.gif", save_all=True, append_images=others)
    predict(folder, tmp_path / "out", inputs=[tmp_path / "a.gif"])
    said = capsys.readouterr().err
    assert f"several frames or pages, of which only the first is read: 1, the first is {tmp_path}/a.gif" in said
    assert "predict: 1 file, see" in said


def test_a_cut_off_video_is_noted(folder, tmp_path):
    path = tmp_path / "long.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, SIDE[::-1])
    for seed in range(20):
        writer.write(draw(seed)[0])
    writer.release()
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(SystemExit, match="1"):
        predict(folder, tmp_path / "out", inputs=[path])
    [problem] = pd.read_csv(tmp_path / "out" / "problems.csv")["problem"]
    assert "of 20 frames; the file is damaged or cut off" in problem


@pytest.mark.parametrize("playlist", ["ffconcat version 1.0\nfile {name}\n", "#EXTM3U\n#EXTINF:1,\n{name}\n"])
def test_a_playlist_in_a_videos_clothes_leads_nowhere(folder, tmp_path, playlist, capfd):
    (tmp_path / "secret.mp4").write_bytes((folder / "in" / "clip.mp4").read_bytes())
    (tmp_path / "evil.mp4").write_text(playlist.format(name="secret.mp4"))
    with pytest.raises(DataError, match="not a readable video"):
        Video(tmp_path / "evil.mp4")
    assert capfd.readouterr().err == ""  # FFmpeg's own words are no help


def test_what_is_no_file_is_no_video(tmp_path):
    os.mkfifo(tmp_path / "pipe.mp4")
    for path in (tmp_path / "pipe.mp4", tmp_path, tmp_path / "nowhere.mp4"):
        with pytest.raises(DataError, match="no such video"):
            Video(path)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model", "nowhere.pt"], "nowhere.pt: no such checkpoint"),
        (["--out", "{folder}/m.pt"], "{folder}/m.pt: is an input and cannot be an output, too"),
        (["--config", "nowhere.yaml", "--crf"], "nowhere.yaml: not a readable configuration"),
    ],
)
def test_a_users_mistake_is_one_line(folder, tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match="1"):
        predict(folder, tmp_path / "out", *(argument.format(folder=folder) for argument in arguments))
    lines = capsys.readouterr().err.splitlines()
    assert [line for line in lines if "no labelling.json beside it" not in line] == lines[-1:]
    assert lines[-1].startswith(f"boxsup: error: {message.format(folder=folder)}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("scale", ["0", "-1", "nan", "9", "wide"])
def test_a_scale_out_of_range_says_what_is_right(folder, tmp_path, capsys, scale):
    with pytest.raises(SystemExit, match="2"):
        predict(folder, tmp_path / "out", "--scales", scale)
    assert "expected a number above 0, at most 4" in capsys.readouterr().err


@pytest.mark.parametrize("bias", ["-5e-1", "-1E3", "-.5", "-2.", "-1e+30"])
def test_a_bias_may_be_written_with_an_exponent(bias):
    """Python 3.11 takes `-5e-1` for an option."""
    parser, _ = make_parser(["predict"])
    args = parser.parse_args(["predict", "a.jpg", "--model", "m.pt", "--background-bias", bias])
    assert args.background_bias == float(bias)


@pytest.mark.parametrize("bias", ["nan", "-inf", "-NaN"])
def test_a_bias_that_is_no_number_says_what_is_right(folder, tmp_path, capsys, bias):
    with pytest.raises(SystemExit, match="2"):
        predict(folder, tmp_path / "out", "--background-bias", bias)
    assert f"expected a number, got '{bias}'" in capsys.readouterr().err


def test_a_video_that_cannot_be_finished_leaves_nothing(tmp_path):
    """Of frames of another size, which OpenCV drops without a word as it does where a disk is full."""

    def write():
        with atomic_write(tmp_path / "a.mp4", ".mp4") as partial, VideoWriter(partial, 10.0) as writer:
            writer.append(draw(0)[0])
            assert partial.is_file()
            writer.append(draw(0, 96, 96)[0])

    with pytest.raises(StoreError, match="could not be written whole"):
        write()
    assert list(tmp_path.iterdir()) == []


def test_a_users_masks_are_not_written_over(folder, tmp_path, capsys):
    """A data set with `masks/` as its folder for results: refused, and with `--overwrite` kept."""
    (tmp_path / "data" / "masks").mkdir(parents=True)
    (tmp_path / "data" / "masks" / "0.png").write_bytes(b"drawn by hand")
    before = files(tmp_path / "data")
    with pytest.raises(SystemExit, match="1"):
        predict(folder, tmp_path / "data")
    [line] = capsys.readouterr().err.splitlines()
    assert "data/masks/0.png: boxsup did not write it, or it was changed since; write elsewhere" in line
    assert files(tmp_path / "data") == before
    predict(folder, tmp_path / "data", "--overwrite")
    [kept] = (tmp_path / "data" / "masks").glob("0.*T*.png")
    assert kept.read_bytes() == b"drawn by hand"
    assert read_mask(tmp_path / "data" / "masks" / "0.png").shape == SIDE


def test_results_of_other_files_are_not_replaced_unasked(folder, tmp_path, capsys):
    for name, numbers in (("a", (0, 1)), ("b", (1, 2))):
        (tmp_path / name).mkdir()
        for number in numbers:
            (tmp_path / name / f"=1+{number}.png").write_bytes((folder / "in" / f"{number}.png").read_bytes())
    out = tmp_path / "out"
    predict(folder, out, inputs=[tmp_path / "a"])
    predict(folder, out, inputs=[tmp_path / "a"])
    before = files(out)
    capsys.readouterr()
    with pytest.raises(SystemExit):
        predict(folder, out, inputs=[tmp_path / "b"])
    told = capsys.readouterr().err
    assert f"{out}/masks/=1+1.png: is of {tmp_path}/a/=1+1.png, and would be replaced (and 2 more); write into" in told
    assert files(out) == before
    predict(folder, out, inputs=[tmp_path / "b/=1+2.png"])  # of another name
    assert f"{out} has results of 2 other files, too, such as {tmp_path}/a/=1+0.png; summary" in capsys.readouterr().err
    predict(folder, out, inputs=[tmp_path / "a"])
    predict(folder, out, "--overwrite", inputs=[tmp_path / "b"])
    [kept] = (out / "masks").glob("=1+1.2*.png")
    assert kept.read_bytes() == before["masks/=1+1.png"]
    [kept] = out.glob("summary.2*.csv")
    assert kept.read_bytes() == before["summary.csv"]
    assert {Path(file).parent for file in pd.read_csv(out / "summary.csv")["file"]} == {tmp_path / "b"}


def test_a_mask_that_a_person_corrected_is_not_lost_at_the_next_run(folder, tmp_path, capsys):
    for _ in range(2):  # ours, it is replaced
        predict(folder, tmp_path)
    corrected = tmp_path / "masks" / "1.png"
    corrected.write_bytes((tmp_path / "masks" / "0.png").read_bytes())
    capsys.readouterr()
    with pytest.raises(SystemExit, match="1"):
        predict(folder, tmp_path)
    assert "masks/1.png: boxsup did not write it, or it was changed since" in capsys.readouterr().err


@pytest.mark.parametrize("inputs", [["in"], ["in/0.png", "../elsewhere/1.png"], ["in/*.png"], ["*/0.png"], ["."]])
def test_results_are_not_written_over_or_around_what_is_read(folder, tmp_path, monkeypatch, capsys, inputs):
    for place, number in (("data/in", 0), ("elsewhere", 1)):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / f"{number}.png").write_bytes((folder / "in" / f"{number}.png").read_bytes())
    monkeypatch.chdir(tmp_path / "data")
    before = files(tmp_path)
    with pytest.raises(SystemExit, match="1"):
        predict(folder, ".", "--overwrite", inputs=inputs)
    assert " input " in capsys.readouterr().err
    assert files(tmp_path) == before


def test_a_file_that_cannot_be_written_is_noted_and_the_others_go_on(folder, tmp_path, capsys):
    predict(folder, tmp_path)
    fixed = tmp_path / "masks" / "1.png"
    if subprocess.run(["chattr", "+i", fixed], capture_output=True).returncode:
        pytest.skip("no file can be made immutable here")
    try:
        with pytest.raises(SystemExit, match="1"):
            predict(folder, tmp_path)
    finally:
        subprocess.run(["chattr", "-i", fixed], check=True)
    assert "1 of 4 files, see" in capsys.readouterr().err
    [problem] = pd.read_csv(tmp_path / "problems.csv", dtype=str).itertuples()
    assert (problem.image, problem.problem) == ("1", f"{fixed}: Operation not permitted")
    summary = pd.read_csv(tmp_path / "summary.csv", dtype=str)
    assert set(summary["name"]) == {"0", "2", "clip"}
    assert not [path for path in tmp_path.rglob(".*") if path.name != ".boxsup.sha256"]


def test_a_full_disk_ends_the_work_at_once(folder, tmp_path, monkeypatch, capsys):
    tried = []

    def write(path, content):
        tried.append(path)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    monkeypatch.setattr("boxsup.inference.predicted_files.write_bytes", write)
    with pytest.raises(SystemExit, match="1"):
        predict(folder, tmp_path)
    assert tried == [tmp_path / "masks" / "0.png"]
    assert "masks/0.png: No space left on device; nothing was left half-written" in capsys.readouterr().err


def test_names_that_are_no_utf8_have_their_results_or_are_noted(folder, tmp_path, capsys):
    odd = os.fsdecode(b"pr\xe9")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / f"{odd}.png").write_bytes((folder / "in" / "0.png").read_bytes())
    (tmp_path / "in" / f"{odd}.mp4").write_bytes((folder / "in" / "clip.mp4").read_bytes())
    with pytest.raises(SystemExit, match="1"):
        predict(folder, tmp_path / "out", inputs=[tmp_path / "in"])
    assert read_mask(tmp_path / "out" / "masks" / f"{odd}.png").shape == SIDE
    summary = pd.read_csv(tmp_path / "out" / "summary.csv", dtype=str)
    assert set(summary["name"]) == {"pr\\xe9"}
    [problem] = pd.read_csv(tmp_path / "out" / "problems.csv", dtype=str).itertuples()
    assert (problem.image, "UTF-8" in problem.problem) == ("pr\\xe9", True)
