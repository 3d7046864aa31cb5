"""What is not ours is never replaced: by every command, whatever its outputs are called."""

import hashlib
import importlib
import json
import os
import re
import shlex
import subprocess
import sys

import pytest

from boxsup.cli import main
from boxsup.commands.parser import make_parser
from boxsup.errors import StoreError
from boxsup.stages import COMMANDS
from boxsup.store import renames
from boxsup.store.atomic import atomic_write, discard, write_text
from boxsup.store.groups import atomic_group
from boxsup.store.ownership import BY_SNAKEMAKE, Claims, claiming

DATED = re.compile(r"\d{4}-\d\d-\d\dT\d{4}(-\d+)?")
SETTINGS = '{"seed": 0, "side": 64, "train": 1, "val": 1, "masks": 1}'


def shapes(out, *more, seed=0):
    settings = SETTINGS.replace('"seed": 0', f'"seed": {seed}')
    main(["shapes", "--settings", settings, "--classes", '["ring"]', "--out", str(out), *more])


def files(folder):
    """All that is in a folder, hidden or not."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
        if not path.is_dir() or path.is_symlink()
    }


def refused(capsys, *words):
    """What a command says that ends in one line."""
    capsys.readouterr()
    with pytest.raises(SystemExit, match="1"):
        main([*map(str, words)])
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("boxsup: error: ")
    return line


def dated(names):
    """Names with what is dated in them taken out, if it is."""
    return sorted(DATED.sub("DATE", name) for name in names)


def writers():
    """The commands that write, but for those that learn of their outputs only from their inputs."""
    _, parsers = make_parser(list(COMMANDS))
    return [name for name, parser in parsers.items() if parser.get_default("outputs")]


def example(command):
    module = importlib.import_module(COMMANDS[command].module)
    return shlex.split(module.EXAMPLE.partition(" > ")[0])[1:]


def test_every_command_that_writes_declares_its_outputs():
    # advise prints; run starts others; review only adds lines to its own file
    silent = {"advise", "check", "completion", "run", "review"}
    assert set(writers()) == set(COMMANDS) - silent


@pytest.mark.parametrize("command", sorted(set(writers()) - {"predict"}))
def test_no_command_replaces_what_it_did_not_write_or_begins_to_work(command, tmp_path, monkeypatch, capsys):
    """With the arguments of its example, whose inputs are not there: what is in the way is found before they are."""
    monkeypatch.chdir(tmp_path)
    words = example(command)
    if command == "contours evaluate":
        words += ["--out", "curve.csv"]
    args = make_parser([command])[0].parse_args(words)
    for output in args.outputs(args):
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text("a user's")
        before = files(tmp_path)
        line = refused(capsys, *words)
        assert str(output) in line
        assert "boxsup did not write it" in line
        assert "--overwrite" in line
        assert files(tmp_path) == before
        output.unlink()
        if output.suffix not in (".csv", ".txt", ".json", ".html", ".yaml"):
            (output / "sub").mkdir(parents=True)
            (output / "sub" / "a.jpg").write_text("a user's")
            before = files(tmp_path)
            assert "sub/a.jpg in it is not as boxsup wrote it, the first of 1" in refused(capsys, *words)
            assert files(tmp_path) == before
            (output / "sub" / "a.jpg").unlink()
            (output / "sub").rmdir()
            output.rmdir()


@pytest.mark.parametrize("command", sorted(set(writers()) - {"init"}))
def test_no_output_contains_an_input(command, tmp_path, monkeypatch, capsys):
    """Every path that a command reads, with `--out` the path itself and each folder above it."""
    monkeypatch.chdir(tmp_path)
    words = example(command)
    words = [*words[: words.index("--out")], *words[words.index("--out") + 2 :]] if "--out" in words else words
    args = make_parser([command])[0].parse_args([*words, "--out", "away"])
    own = {"shapes": [], "predict": ["photos"]}
    read = [getattr(args, name) for name in vars(args) if name not in args.written]
    paths = [path for value in read for path in (value if isinstance(value, list) else [value])]
    inputs = own.get(command, [str(path) for path in paths if isinstance(path, type(tmp_path))])
    for name in inputs:
        path = tmp_path / "data" / "deep" / name
        path.mkdir(parents=True)
        (path / "a.jpg").write_text("a user's")
        before = files(tmp_path)
        given = [word if word != name else f"data/deep/{name}" for word in words]
        for out in (path, tmp_path / "data", tmp_path / "data" / "." / ".." / "data" / "deep"):
            line = refused(capsys, *given, "--out", out)
            assert " input " in line
            assert files(tmp_path) == before
        for each in [*path.iterdir()]:
            each.unlink()
        subprocess.run(["rm", "-r", tmp_path / "data"], check=True)


@pytest.mark.parametrize("way", ["itself", "link", "hard link", "..", "in a link"])
def test_an_input_is_found_whatever_the_output_is_called(way, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "model.pt").write_text("weights")
    (tmp_path / "other").symlink_to("data")
    os.link("data/model.pt", "hard.csv")
    out = {
        "itself": "data/model.pt",
        "link": "other/model.pt",
        "hard link": "hard.csv",
        "..": "other/../data/./model.pt",
        "in a link": "other/model.pt",
    }[way]
    line = refused(capsys, "validate", "--catalogue", "none", "--model", "data/model.pt", "--out", out, "--overwrite")
    assert "data/model.pt: is an input and cannot be an output, too" in line
    assert (tmp_path / "data" / "model.pt").read_text() == "weights"


def test_inputs_in_json_and_in_tables_count(tmp_path, capsys):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_text("a user's")
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "images.csv").write_text(f"image,path,mask\na,{tmp_path}/photos/a.jpg,\n")
    out = ["--out", tmp_path / "photos", "--overwrite"]
    assert "photos" in refused(capsys, "fixed-masks", "--catalogue", tmp_path / "tables", "--kind", "truth", *out)
    split = json.dumps({"images": "photos"})
    words = ["--root", tmp_path, "--split", split, "--classes", '["a"]', "--on-problem", "stop"]
    assert "photos" in refused(capsys, "catalogue", "--format", "voc", *words, *out)
    start = json.dumps({"weights": str(tmp_path / "photos/a.jpg")})
    words = ["--catalogue", tmp_path / "none", "--seed", "0", "--settings", start]
    assert "a.jpg: is an input" in refused(capsys, "network", *words, "--out", tmp_path / "photos/a.jpg", "--overwrite")
    assert files(tmp_path / "photos") == {"a.jpg": b"a user's"}


def test_a_folder_that_is_called_as_a_split_or_a_method_is_no_input(tmp_path, monkeypatch, capsys):
    """The second time, too, when it is there."""
    monkeypatch.chdir(tmp_path)
    split = json.dumps({"list": "val", "masks": "none"})
    words = ["--root", "data", "--split", split, "--classes", '["a"]', "--on-problem", "stop", "--out", "val"]
    lines = [refused(capsys, "catalogue", "--format", "voc", *words) for _ in range(2)]
    assert "no such image list" in lines[0]
    assert lines[0] == lines[1]
    (tmp_path / "mcg").mkdir()
    settings = json.dumps({"method": "mcg"})
    words = ["--catalogue", "none", "--settings", settings, "--out", "mcg"]
    assert " input " not in refused(capsys, "proposals", "make", *words)


@pytest.mark.parametrize("table", ["images.csv", "boxes.csv", "classes.csv"])
def test_the_tables_of_a_catalogue_that_is_read_are_not_written_over(table, tmp_path, capsys):
    for folder in ("tables", "p.zarr"):
        (tmp_path / folder).mkdir()
    (tmp_path / "tables" / table).write_text("a user's")
    words = ["overlaps", "--catalogue", tmp_path / "tables", "--proposals", tmp_path / "p.zarr", "--overwrite"]
    assert " input " in refused(capsys, *words, "--out", tmp_path / "tables" / table)
    assert files(tmp_path) == {f"tables/{table}": b"a user's"}


@pytest.mark.parametrize("out", [".", "..", "../here", "../../link/here"])
def test_the_folder_that_the_user_is_in_stays(out, tmp_path, monkeypatch, capsys):
    (tmp_path / "deep" / "here").mkdir(parents=True)
    (tmp_path / "link").symlink_to("deep")
    monkeypatch.chdir(tmp_path / "deep" / "here")
    words = ["shapes", "--settings", SETTINGS, "--classes", '["ring"]', "--out", out]
    for more in ([], ["--overwrite"]):
        assert "you are in it, so it cannot be replaced" in refused(capsys, *words, *more)
    assert {path.name for path in tmp_path.rglob("*")} == {"deep", "link", "here"}


def test_up_from_a_link_is_up_from_what_it_leads_to(tmp_path, monkeypatch, capsys):
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "link").symlink_to("deep/er")
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        shapes("link/../new")
    assert not (tmp_path / "new").exists()
    (tmp_path / "deep" / "new" / "a.txt").write_text("a user's")
    words = ["shapes", "--settings", SETTINGS, "--classes", '["ring"]', "--out", "link/../new"]
    assert "a.txt in it is not as boxsup wrote it" in refused(capsys, *words)
    shapes("link/../new/ImageSets/..", "--overwrite")
    assert dated(path.name for path in (tmp_path / "deep").iterdir()) == ["er", "new", "new.DATE"]


def test_what_is_ours_is_replaced_without_a_question_and_leaves_nothing(tmp_path):
    shapes(tmp_path / "tree")
    names = set(files(tmp_path))
    for seed in (1, 0):
        before = files(tmp_path)
        shapes(tmp_path / "tree", seed=seed)
        assert set(files(tmp_path)) == names
        assert files(tmp_path) != before


def test_the_manifest_is_what_sha256sum_checks(tmp_path):
    shapes(tmp_path / "tree")
    check = ["sha256sum", "--check", "--strict", "--quiet", ".boxsup-folder.sha256"]
    subprocess.run(check, cwd=tmp_path / "tree", check=True)
    with claiming(overwrite=False) as claims:
        paths = [tmp_path / "out" / "sub" / name for name in ("a b.txt", "back\\slash", "new\nline", "\udcff")]
        claims.add(paths, tmp_path / "out")
        for path in paths:
            write_text(path, path.name)
    subprocess.run([*check[:-1], ".boxsup.sha256"], cwd=tmp_path / "out", check=True)
    again = Claims()
    again.add(paths, tmp_path / "out")  # all are known


@pytest.mark.parametrize("change", ["edited", "added", "link", "empty folder"])
def test_a_folder_that_was_changed_stops_the_command_and_is_kept_by_overwrite(change, tmp_path, capsys):
    shapes(tmp_path / "tree")
    first = sorted((tmp_path / "tree" / "SegmentationClass").iterdir())[0]
    if change == "edited":
        first.write_bytes(b"corrected by a person")
    elif change == "added":
        (tmp_path / "tree" / "notes.txt").write_text("mine")
    elif change == "link":
        (tmp_path / "tree" / "notes.txt").symlink_to("/etc/hostname")
    else:
        (tmp_path / "tree" / "mine").mkdir()
    before = files(tmp_path / "tree")
    words = ["shapes", "--settings", SETTINGS, "--classes", '["ring"]', "--out", tmp_path / "tree"]
    assert "in it is not as boxsup wrote it, the first of 1" in refused(capsys, *words)
    assert files(tmp_path / "tree") == before
    shapes(tmp_path / "tree", "--overwrite", seed=1)
    assert "kept what was at" in capsys.readouterr().err
    assert dated(os.listdir(tmp_path)) == ["tree", "tree.DATE"]
    [kept] = tmp_path.glob("tree.*")
    assert files(kept) == before
    assert files(tmp_path / "tree") != before


def test_a_missing_file_and_an_empty_folder_are_in_nobodys_way(tmp_path):
    (tmp_path / "tree").mkdir()
    shapes(tmp_path / "tree")
    sorted((tmp_path / "tree" / "JPEGImages").iterdir())[0].unlink()
    shapes(tmp_path / "tree")
    assert dated(os.listdir(tmp_path)) == ["tree"]


def test_a_dated_name_is_never_that_of_something_else(tmp_path):
    with claiming(overwrite=True) as claims:
        for number in range(3):
            claims = Claims(overwrite=True)
            path = tmp_path / f"{'n' * 240}.txt"
            path.write_text(f"mine {number}")
            claims.add([path])
            claims.dispose(path, path)
    kept = [path.read_text() for path in tmp_path.iterdir()]
    assert sorted(kept) == ["mine 0", "mine 1", "mine 2"]
    assert all(len(path.name) <= 255 and path.suffix == ".txt" for path in tmp_path.iterdir())


def test_what_is_changed_while_a_command_works_is_kept(tmp_path, capsys):
    path = tmp_path / "a.csv"
    for text in ("first", "second"):
        with claiming(overwrite=False) as claims:
            claims.add([path])
            if text == "second":
                path.write_text("a person's, meanwhile")
            write_text(path, text)
    assert path.read_text() == "second"
    [kept] = tmp_path.glob("a.*T*.csv")
    assert kept.read_text() == "a person's, meanwhile"
    assert f"kept what was at {path}: {kept}" in capsys.readouterr().err


def test_what_appears_while_a_command_works_is_kept_though_nothing_was_in_the_way(tmp_path):
    path = tmp_path / "a.csv"
    with claiming(overwrite=False) as claims:
        claims.add([path])
        path.write_text("a person's, meanwhile")
        write_text(path, "ours")
    assert path.read_text() == "ours"
    [kept] = tmp_path.glob("a.*T*.csv")
    assert kept.read_text() == "a person's, meanwhile"


def test_what_was_not_claimed_is_not_replaced_either(tmp_path):
    (tmp_path / "a").write_text("mine")
    with claiming(overwrite=False):
        write_text(tmp_path / "a", "a bug's")
        discard(tmp_path / "a")
    assert sorted(path.read_text() for path in tmp_path.iterdir()) == ["a bug's", "mine"]


def test_a_store_proves_itself_and_a_strangers_checksums_prove_nothing(tmp_path):
    def store(value):
        with atomic_group(tmp_path / "a.zarr", "things", ["one"], {"value": value}):
            pass

    store(1)  # by nobody's command: Snakemake's, for instance
    (tmp_path / "a.zarr" / ".snakemake_timestamp").touch()
    Claims().add([tmp_path / "a.zarr"])
    (tmp_path / "a.zarr" / "mine.txt").write_text("mine")
    with pytest.raises(StoreError, match=r"mine.txt in it is not as boxsup wrote it, the first of 1"):
        Claims().add([tmp_path / "a.zarr"])
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_text("mine")
    digest = hashlib.sha256(b"mine").hexdigest()
    (tmp_path / "photos" / "SHA256SUMS").write_text(f"{digest}  a.jpg\n")
    with pytest.raises(StoreError, match="the first of 2"):
        Claims().add([tmp_path / "photos"])


def test_snakemakes_outputs_go_on_as_they_are(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv(BY_SNAKEMAKE, "1")
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "old").write_text("an earlier job's")
    shapes(tmp_path / "tree")
    assert os.listdir(tmp_path) == ["tree"]
    assert not [name for name in files(tmp_path) if "/." in name or "old" in name]


def test_a_place_that_cannot_be_is_said_before_any_work(tmp_path, capsys):
    (tmp_path / "file").write_text("mine")
    words = ["shapes", "--settings", SETTINGS, "--classes", '["ring"]', "--out", tmp_path / "file" / "below" / "tree"]
    assert "file: not a folder" in refused(capsys, *words)
    (tmp_path / "gone").symlink_to("nowhere")
    words[-1] = tmp_path / "gone" / "tree"
    assert "gone: not a folder" in refused(capsys, *words)


KILLED = """
import os, signal, sys
from boxsup.store import atomic, ownership
from boxsup.store.manifest import Ledger
moment = sys.argv[2]
def die(*_): os.kill(os.getpid(), signal.SIGKILL)
if moment == "after the line": atomic.move = die
if moment == "before the exchange": atomic.exchange = die
if moment == "after the exchange": ownership.Claims.dispose = die
if moment == "between two renames":
    atomic.exchange = lambda *_: False
    rename = type(atomic.Path()).rename
    def once(self, target):
        if os.path.basename(target) == "out": die()
        return rename(self, target)
    atomic.Path.rename = type(atomic.Path()).rename = once
with ownership.claiming(overwrite=sys.argv[3] == "user's") as claims:
    from boxsup.store.atomic import atomic_write
    from pathlib import Path
    claims.add([Path(sys.argv[1])])
    with atomic_write(sys.argv[1]) as partial:
        if sys.argv[4] == "folder":
            partial.mkdir(); (partial / "a").write_text("new")
        else:
            partial.write_text("new")
"""
MOMENTS = ["after the line", "before the exchange", "after the exchange", "between two renames"]


@pytest.mark.parametrize("kind", ["file", "folder"])
@pytest.mark.parametrize("whose", ["ours", "user's"])
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_kill_at_any_moment_of_a_swap_loses_nothing(moment, whose, kind, tmp_path, capsys):
    """What was there is there, or beside it under a dated name; what is ours is known as ours at the next start."""
    out = tmp_path / "out"

    def write(text):
        with atomic_write(out) as partial:
            if kind == "folder":
                partial.mkdir()
                (partial / "a").write_text(text)
            else:
                partial.write_text(text)

    with claiming(overwrite=False) as claims:
        if whose == "ours":
            claims.add([out])
        write("old")
    process = subprocess.run([sys.executable, "-c", KILLED, out, moment, whose, kind], capture_output=True, text=True)
    assert process.returncode == -9, process.stderr
    with claiming(overwrite=whose == "user's") as claims:
        claims.add([out])
        place = out / "a" if kind == "folder" else out
        assert place.read_text() in ("old", "new")
        write("newest")
    assert place.read_text() == "newest"
    found = {name: content for name, content in files(tmp_path).items() if ".boxsup" not in name}
    if whose == "ours":
        assert dated(os.listdir(tmp_path)) == ([".boxsup.sha256", "out"] if kind == "file" else ["out"])
    else:
        assert b"old" in found.values()
    assert not [name for name in os.listdir(tmp_path) if name.endswith((".old", ".partial"))]
    assert "a killed writer left it" in capsys.readouterr().err


def test_of_a_job_of_snakemakes_that_is_killed_nothing_old_is_left(tmp_path, monkeypatch):
    out = tmp_path / "out"
    out.mkdir()
    (out / "a").write_text("old")
    monkeypatch.setenv(BY_SNAKEMAKE, "1")
    words = [sys.executable, "-c", KILLED, out, "after the exchange", "ours", "folder"]
    assert subprocess.run(words, capture_output=True).returncode == -9
    with claiming(overwrite=False) as claims:
        claims.add([out])
    assert files(tmp_path) == {"out/a": b"new"}


def test_names_are_exchanged_in_one_step_here(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").write_text("b")
    if not renames.exchange(tmp_path / "a", tmp_path / "b"):
        pytest.skip("this file system cannot")
    assert (tmp_path / "a").read_text() == "b"
    assert (tmp_path / "b").is_dir()
    with pytest.raises(FileExistsError):
        renames.move(tmp_path / "a", tmp_path / "b")


def test_the_ledger_is_as_long_as_what_it_is_of(tmp_path):
    for text in ("one", "two", "three"):
        with claiming(overwrite=False) as claims:
            claims.add([tmp_path / "a.txt", tmp_path / "b.txt"])
            write_text(tmp_path / "a.txt", text)
    lines = (tmp_path / ".boxsup.sha256").read_text().splitlines()
    assert lines == [f"{hashlib.sha256(b'three').hexdigest()}  a.txt"]


def test_a_ledger_that_is_cut_off_goes_on_in_a_line_of_its_own(tmp_path):
    (tmp_path / ".boxsup.sha256").write_text("0123")
    with claiming(overwrite=False) as claims:
        claims.add([tmp_path / "a.txt"])
        write_text(tmp_path / "a.txt", "one")
        assert (tmp_path / ".boxsup.sha256").read_text().startswith("0123\n")
    Claims().add([tmp_path / "a.txt"])
