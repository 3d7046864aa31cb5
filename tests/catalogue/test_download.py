import hashlib
import http.server
import io
import json
import re
import socket
import tarfile
import threading
from dataclasses import replace
from pathlib import PurePosixPath

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from boxsup.catalogue.archives import Archive, fetch, is_present, md5_of
from boxsup.catalogue.download import Augmentation, PublishedDataset, provide_tree, trainaug_ids
from boxsup.catalogue.readers.voc import list_file
from boxsup.catalogue.records import read_list
from boxsup.errors import DataError
from boxsup.image.files import read_mask
from helpers.commands import run_boxsup

LABELS = np.array([[0, 1, 1], [20, 0, 0]], np.uint8)
VOC_TRAIN, VOC_VAL = ["t1", "t2"], ["v1"]
SBD_TRAIN, SBD_VAL = ["s1", "t1"], ["v1", "s2"]
TRAINAUG = ["s1", "s2", "t1", "t2"]


def png(mask):
    buffer = io.BytesIO()
    Image.fromarray(mask).save(buffer, format="PNG")
    return buffer.getvalue()


def mat(labels):
    # As SBD has it: a 1×1 struct whose field `Segmentation` is the label map.
    buffer = io.BytesIO()
    savemat(buffer, {"GTcls": {"Segmentation": labels, "CategoriesPresent": np.unique(labels)}})
    return buffer.getvalue()


def pack(path, files):
    with tarfile.open(path, "w:gz" if path.suffix == ".tgz" else "w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))


def lines(ids):
    return "".join(f"{image}\n" for image in ids).encode()


def voc_files():
    files = {"ImageSets/Segmentation/train.txt": lines(VOC_TRAIN), "ImageSets/Segmentation/val.txt": lines(VOC_VAL)}
    for image in {*VOC_TRAIN, *VOC_VAL, *SBD_TRAIN, *SBD_VAL}:
        files |= {f"JPEGImages/{image}.jpg": image.encode(), f"Annotations/{image}.xml": b"<annotation/>"}
    files |= {f"SegmentationClass/{image}.png": png(np.zeros_like(LABELS)) for image in (*VOC_TRAIN, *VOC_VAL)}
    return {f"VOCdevkit/VOC2012/{name}": content for name, content in files.items()}


def sbd_files():
    files = {"cls/": b"", "train.txt": lines(SBD_TRAIN), "val.txt": lines(SBD_VAL)}
    files |= {f"cls/{image}.mat": mat(LABELS) for image in {*SBD_TRAIN, *SBD_VAL}}
    files |= {f"img/{image}.jpg": b"another copy" for image in {*SBD_TRAIN, *SBD_VAL}}
    return {f"benchmark_RELEASE/dataset/{name}": content for name, content in files.items() if not name.endswith("/")}


@pytest.fixture
def published(tmp_path):
    """Small archives of the real layout under file:// addresses."""
    folder = tmp_path / "published"
    folder.mkdir()
    archives = []
    for name, files in (("voc.tar", voc_files()), ("benchmark.tgz", sbd_files())):
        pack(folder / name, files)
        archives.append(Archive(name, (folder / name).as_uri(), md5_of(folder / name)))
    voc, sbd = archives
    return PublishedDataset((voc,), PurePosixPath("VOCdevkit/VOC2012"), Augmentation(sbd, train=2, val=1, trainaug=4))


@pytest.fixture
def root(tmp_path):
    return tmp_path / "data/VOCdevkit/VOC2012"


def archives_of(source):
    return [*source.archives, source.augmentation.archive]


def with_voc(source, **changes):
    """The source with another archive of VOC."""
    return replace(source, archives=(replace(source.archives[0], **changes),))


def unreachable(source):
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}/x"
    sbd = replace(source.augmentation.archive, url=address)
    return replace(with_voc(source, url=address), augmentation=replace(source.augmentation, archive=sbd))


def snapshot(folder):
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def check_whole(root):
    assert (root / "ImageSets/Segmentation/trainaug.txt").read_text().split() == TRAINAUG
    assert sorted(path.stem for path in (root / "SegmentationClassAug").iterdir()) == ["s1", "s2"]
    np.testing.assert_array_equal(read_mask(root / "SegmentationClassAug/s1.png"), LABELS)
    np.testing.assert_array_equal(read_mask(root / "SegmentationClass/t1.png"), 0)
    assert (root / "JPEGImages/s1.jpg").read_bytes() == b"s1"
    assert not list(root.parent.glob(".*"))


def test_archives_are_fetched_and_laid_out_as_one_tree(published, root):
    assert provide_tree(root, True, published) == archives_of(published)
    check_whole(root)
    assert sorted(path.name for path in root.parent.iterdir()) == ["VOC2012", "benchmark.tgz", "voc.tar"]


def test_a_data_set_of_two_archives_is_one_tree(tmp_path, root):
    archives = []
    for name, image in (("trainval.tar", "000005"), ("test.tar", "000001")):
        files = {"ImageSets/Segmentation/x.txt": b"", f"ImageSets/Main/{name[:-4]}.txt": lines([image])}
        files |= {f"JPEGImages/{image}.jpg": b"", f"Annotations/{image}.xml": b""}
        pack(tmp_path / name, {f"VOCdevkit/VOC2007/{path}": content for path, content in files.items()})
        archives.append(Archive(name, (tmp_path / name).as_uri(), md5_of(tmp_path / name)))
    source = PublishedDataset(tuple(archives), PurePosixPath("VOCdevkit/VOC2007"))
    assert provide_tree(root, True, source) == archives
    assert [read_list(list_file(root, f"Main/{name}")) for name in ("trainval", "test")] == [
        (["000005"], []),
        (["000001"], []),
    ]
    assert sorted(path.stem for path in (root / "JPEGImages").iterdir()) == ["000001", "000005"]


def test_a_tree_of_ones_own_that_is_not_there_is_asked_for(root):
    with pytest.raises(DataError, match=r"no tree in VOC layout .* put it there, let the data set's `root` name"):
        provide_tree(root, True, None)


def test_a_second_time_changes_nothing(published, root):
    provide_tree(root, True, published)
    before = snapshot(root.parent)
    assert provide_tree(root, True, unreachable(published)) == []
    assert snapshot(root.parent) == before


def test_archives_placed_by_hand_are_used_without_download(published, root, tmp_path):
    root.parent.mkdir(parents=True)
    for archive in archives_of(published):
        (tmp_path / "published" / archive.name).rename(root.parent / archive.name)
    assert provide_tree(root, False, published) == archives_of(published)
    check_whole(root)


def test_files_that_are_there_are_kept(published, root):
    (root / "JPEGImages").mkdir(parents=True)
    (root / "JPEGImages/s1.jpg").write_bytes(b"s1")
    (root / "JPEGImages/t1.jpg").write_bytes(b"mine")
    (root / "notes.txt").write_text("mine")
    provide_tree(root, True, published)
    check_whole(root)
    assert (root / "JPEGImages/t1.jpg").read_bytes() == b"mine"
    assert (root / "notes.txt").read_text() == "mine"


def test_a_tree_of_ones_own_is_left_alone(published, root):
    for part in ("JPEGImages", "Annotations", "ImageSets/Segmentation"):
        (root / part).mkdir(parents=True)
    (root / "ImageSets/Segmentation/train.txt").write_text("mine\n")
    before = snapshot(root.parent)
    assert provide_tree(root, True, unreachable(published)) == []
    assert snapshot(root.parent) == before


def test_voc_without_trainaug_gets_it(published, root):
    provide_tree(root, True, published)
    (root / "ImageSets/Segmentation/trainaug.txt").unlink()
    (root.parent / "benchmark.tgz").unlink()
    assert provide_tree(root, False, published) == []
    with pytest.raises(DataError, match=r"has no trainaug.*set download: false to go without"):
        provide_tree(root, True, unreachable(published))
    assert provide_tree(root, True, published) == [published.augmentation.archive]
    check_whole(root)


def test_an_unreachable_server_is_one_line_that_says_what_to_do(published, root):
    source = unreachable(published)
    with pytest.raises(DataError) as caught:
        provide_tree(root, True, source)
    message = str(caught.value)
    assert "\n" not in message
    expected = [
        str(root),
        source.archives[0].url,
        "refused",
        str(root.parent),
        "the data set's `root`",
        "demo_semi/report.html",
    ]
    expected += [text for archive in archives_of(source) for text in (archive.name, archive.md5)]
    assert [text for text in expected if text not in message] == []
    assert not root.exists()


def test_downloads_that_are_off_are_one_line_of_the_command_line(tmp_path):
    out = tmp_path / "source.json"
    arguments = [
        "download",
        "--source",
        "voc2012",
        "--root",
        str(tmp_path / "VOC2012"),
        "--download",
        "false",
        "--out",
        str(out),
    ]
    result = run_boxsup(*arguments)
    assert result.returncode == 1
    [line] = result.stderr.splitlines()
    assert line.startswith("boxsup: error: ")
    assert "VOCtrainval_11-May-2012.tar (MD5 6cd6e144f989b92b3379bac3b3de84fd)" in line
    assert not out.exists()


def test_the_command_writes_what_the_tree_came_from(tmp_path):
    root, out = tmp_path / "VOC2012", tmp_path / "out/source.json"
    for part in ("JPEGImages", "Annotations", "ImageSets/Segmentation"):
        (root / part).mkdir(parents=True)
    arguments = ["download", "--root", str(root), "--download", "true", "--out", str(out)]
    result = run_boxsup(*arguments)
    assert result.returncode == 0, result.stderr
    assert "was there already" in result.stderr
    assert json.loads(out.read_text()) == {"root": str(root), "archives": {}}


def test_a_wrong_checksum_keeps_nothing(published, root):
    wrong = with_voc(published, md5="0" * 32)
    with pytest.raises(DataError, match=f"expected MD5 {'0' * 32}, got {published.archives[0].md5}"):
        provide_tree(root, True, wrong)
    assert list(root.parent.iterdir()) == []


def test_a_wrong_file_placed_by_hand_is_named_and_kept(published, root):
    root.parent.mkdir(parents=True)
    path = root.parent / published.archives[0].name
    path.write_bytes(b"half")
    expected = f"{path}: expected MD5 {published.archives[0].md5}, got {hashlib.md5(b'half').hexdigest()}"
    with pytest.raises(DataError, match=re.escape(expected)):
        provide_tree(root, True, published)
    assert path.read_bytes() == b"half"


def test_lists_of_another_length_are_refused(published, root):
    with pytest.raises(DataError, match="expected lists that make 5 images of trainaug, got 4"):
        provide_tree(root, True, replace(published, augmentation=replace(published.augmentation, trainaug=5)))
    assert not (root / "ImageSets/Segmentation/trainaug.txt").exists()
    assert not (root / "SegmentationClassAug").exists()


def test_an_archive_that_leads_out_of_its_folder_is_refused(published, root, tmp_path):
    path = tmp_path / "published/voc.tar"
    pack(path, voc_files() | {"VOCdevkit/VOC2012/../../../../../escaped.txt": b"out"})
    source = with_voc(published, md5=md5_of(path))
    with pytest.raises(DataError, match="leads out of its folder"):
        provide_tree(root, True, source)
    assert not list(tmp_path.rglob("escaped.txt"))
    assert not root.exists()


def test_the_list_is_both_sets_less_val():
    assert trainaug_ids(["c", "a", "v"], ["b", "a"], ["v", "w"]) == ["a", "b", "c"]


CONTENT = bytes(range(256)) * 40


class Server(http.server.BaseHTTPRequestHandler):
    """Serves CONTENT with ranges; breaks off half-way where the path says so."""

    def do_GET(self):
        start = int(re.findall(r"\d+", self.headers.get("Range", "bytes=0-"))[0])
        self.server.starts.append(start)
        if start >= len(CONTENT):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(CONTENT) - start))
        self.end_headers()
        stop = len(CONTENT) // 2 if self.path == "/breaks" and not start else None
        self.wfile.write(CONTENT[start:stop])

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    with http.server.HTTPServer(("127.0.0.1", 0), Server) as server:
        server.starts = []
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def archive_at(server, path):
    return Archive("file.bin", f"http://127.0.0.1:{server.server_port}/{path}", hashlib.md5(CONTENT).hexdigest())


def test_a_download_that_broke_off_goes_on_where_it_was(server, tmp_path):
    archive = archive_at(server, "breaks")
    with pytest.raises(DataError, match="cannot be fetched"):
        fetch(archive, tmp_path)
    assert not is_present(archive, tmp_path)
    fetch(archive, tmp_path)
    assert server.starts == [0, len(CONTENT) // 2]
    assert (tmp_path / "file.bin").read_bytes() == CONTENT
    assert [path.name for path in tmp_path.iterdir()] == ["file.bin"]


def test_a_whole_partial_is_taken(server, tmp_path):
    (tmp_path / "file.bin.partial").write_bytes(CONTENT)
    fetch(archive_at(server, "whole"), tmp_path)
    assert (tmp_path / "file.bin").read_bytes() == CONTENT
