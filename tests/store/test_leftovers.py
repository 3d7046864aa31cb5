"""What writers that were killed left: found, put right and named; what somebody may still be writing is left alone."""

import os
import subprocess
import sys
import time

import pytest

from boxsup.store.atomic import write_text
from boxsup.store.leftovers import DAY, NAME, OLD, PARTIAL, clear_leftovers, hidden_path
from boxsup.store.ownership import BY_SNAKEMAKE, claiming

LONG_AGO = time.time() - 2 * DAY


def never(old, output):
    """Nothing is ours."""
    return False


def dead_pid():
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def of(path, place=None, pid=None):
    """A name of ours, from another place or process."""
    parts = path.name.rsplit(".", 6)  # "", name, machine, boot, namespace, PID, state
    parts[2:5] = place or parts[2:5]
    parts[5] = str(pid or parts[5])
    return path.with_name(".".join(parts))


def test_a_partial_of_a_dead_process_is_removed_and_named(tmp_path, capsys):
    partial = of(hidden_path(tmp_path / "a", PARTIAL), pid=dead_pid())
    partial.write_text("half")
    write_text(tmp_path / "b", "another output of the folder")
    assert [path.name for path in tmp_path.iterdir()] == ["b"]
    assert capsys.readouterr().err == f"boxsup: {partial}: removed, a killed writer left it half-done\n"


@pytest.mark.parametrize(
    "place", [("other", "00000000", "1"), None], ids=["another container or machine", "this one, its PID alive"]
)
def test_a_partial_that_somebody_may_be_writing_is_left_alone(place, tmp_path, capsys):
    own = hidden_path(tmp_path / "a", PARTIAL)
    host = own.name.split(".")[2]
    # The same machine's name, as two containers of it have on a shared folder, is no proof.
    partial = of(own, (host, "00000000", "1"), dead_pid()) if place else of(own, pid=os.getppid())
    partial.mkdir()
    (partial / "chunk").write_text("half")
    clear_leftovers(tmp_path, never)
    assert (partial / "chunk").read_text() == "half"
    assert capsys.readouterr().err == ""


def test_of_a_process_that_cannot_be_seen_only_what_is_old_is_removed_by_its_newest_file(tmp_path, capsys):
    partial = of(hidden_path(tmp_path / "a", PARTIAL), ("other", "00000000", "1"))
    partial.mkdir()
    (partial / "chunk").write_text("half")
    os.utime(partial, (LONG_AGO, LONG_AGO))
    clear_leftovers(tmp_path, never)
    assert partial.exists()
    os.utime(partial / "chunk", (LONG_AGO, LONG_AGO))
    os.utime(partial, (LONG_AGO, LONG_AGO))
    clear_leftovers(tmp_path, never)
    assert not partial.exists()
    assert str(partial) in capsys.readouterr().err


def test_what_was_on_its_way_out_goes_back_where_nothing_is(tmp_path, capsys):
    old = of(hidden_path(tmp_path / "voc", OLD), pid=dead_pid())
    old.mkdir()
    (old / "a").write_text("a user's")
    clear_leftovers(tmp_path, never)
    assert (tmp_path / "voc" / "a").read_text() == "a user's"
    assert f"{tmp_path / 'voc'}: put back" in capsys.readouterr().err


@pytest.mark.parametrize("by_snakemake", [True, False], ids=["a job of Snakemake's", "a call from Python"])
def test_a_users_file_on_its_way_out_is_kept_by_those_who_replace_without_a_question(
    by_snakemake, tmp_path, monkeypatch, capsys
):
    """A command by hand with `--overwrite` was killed between the exchange of the two and the dated name."""
    (tmp_path / "a").write_text("ours")
    of(hidden_path(tmp_path / "a", OLD), pid=dead_pid()).write_text("a user's")
    if by_snakemake:
        monkeypatch.setenv(BY_SNAKEMAKE, "1")
        with claiming(overwrite=False) as claims:
            claims.add([tmp_path / "b"])
    else:
        write_text(tmp_path / "b", "another output of the folder")
    assert "kept, a killed writer left it" in capsys.readouterr().err
    assert "a user's" in [path.read_text() for path in tmp_path.iterdir()]
    assert not list(tmp_path.glob(".*"))


def test_names_fit_however_long_an_outputs_is_and_whatever_is_in_it(tmp_path):
    for name in ("x" * 255, "é" * 127, "\udcff" * 255, "a.b\nc", ".hidden", "a.host.0.1.partial"):
        write_text(tmp_path / name, "whole")
        hiding = hidden_path(tmp_path / name, PARTIAL, ".onnx")
        assert len(os.fsencode(hiding.name)) <= 255
        assert NAME.fullmatch(hiding.name)
        hiding.write_text("half")
        clear_leftovers(tmp_path, never)
        assert not hiding.exists()
    assert len(list(tmp_path.iterdir())) == 6


def test_a_users_own_hidden_files_are_none_of_ours(tmp_path):
    names = [".partial", ".a.partial", ".a.host.1.partial", ".a.old", ".a.b.c.d.e.partial", "a.h.00000000.1.1.partial"]
    for name in names:
        (tmp_path / name).write_text("mine")
        os.utime(tmp_path / name, (LONG_AGO, LONG_AGO))
    clear_leftovers(tmp_path, never)
    assert sorted(os.listdir(tmp_path)) == sorted(names)
