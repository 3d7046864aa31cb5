"""Candidates that the workflow made are used by `boxsup masks`, if they are what it would make, byte for byte."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from boxsup.catalogue.inventory import File, Inventory, write_inventory
from boxsup.catalogue.made_from import proposals_from, recording
from boxsup.catalogue.readers.places import IMAGE
from boxsup.catalogue.records import Record
from boxsup.config.build import build
from boxsup.config.proposals import ViewSettings
from boxsup.experiments.splits import Split
from boxsup.image.files import read_image
from boxsup.masking import known_pools as module
from boxsup.masking.known_pools import KnownPools, results_around, stored_pool
from boxsup.proposals.methods import build_settings, make_box_proposer, make_proposer, packages
from boxsup.proposals.pool_store import pools_writer
from boxsup.store.checksums import sha256_of
from boxsup.store.groups import open_group
from boxsup.store.provenance import provenance
from helpers import own_data
from helpers.commands import run_boxsup

VIEWS = {"below": 90, "side": 90, "margin": 0.5, "together": 3, "fit": 0.3, "candidates": 60, "most": 4}


@pytest.fixture
def method(config):
    """A quick method, without views and with them."""
    alone = build_settings(config["proposals"]["selective_search"], "p")
    return alone, alone.model_copy(update={"views": build(ViewSettings, VIEWS, "views")})


@pytest.fixture
def photos(tmp_path):
    """Three pictures with their boxes in a folder of its own."""
    made = own_data.pictures(3, side=64)
    own_data.write_images(tmp_path / "photos", made)
    own_data.write_voc_xml(tmp_path / "boxes", made)
    return [Record(image, str(tmp_path / f"photos/{image}.png"), *each.instances.shape) for image, each in made.items()]


def write_candidates(results, settings, records, version=None):
    """What the workflow leaves behind of a split: its inventory, the store of candidates and the record beside it."""
    split, ids = Split("own", "train", results), [record.image for record in records]
    files = [[File(IMAGE, record.path, sha256_of(Path(record.path)))] for record in records]
    names = [f"{image}.png" for image in ids]
    inventory = Inventory({"on_problem": "stop", "source": None}, "", "", [], [], ids, names, files)
    split.folder.mkdir(parents=True)
    write_inventory(split.folder, inventory)
    attributes = {
        "settings": settings.model_dump(),
        "versions": provenance("proposals", "numpy", "zarr", *packages(settings.method)),
    }
    store, propose = split.proposals("quick", 0, 1), make_proposer(settings)
    made_from = proposals_from({}, inventory.image_hash(ids), inventory.box_hash(ids))
    made_from |= {"version": version} if version else {}
    sizes = np.array([(record.height, record.width) for record in records])
    with recording(store, made_from), pools_writer(store, ids, sizes, attributes) as writer:
        for record in records:
            writer.append(record.image, propose(read_image(record.path), record.image))
    return store


def known_pools(folders, settings, records):
    """Image id -> its store; images that no store has are missing."""
    known = KnownPools(folders, settings)
    return {record.image: store for record in records if (store := known.store_of(record))}


def same(pool, other):
    return all(
        getattr(pool, name).dtype == getattr(other, name).dtype
        and np.array_equal(getattr(pool, name), getattr(other, name))
        for name in ("superpixels", "members", "scores")
    )


def test_a_stored_pool_is_the_methods_own_also_with_views(method, photos, tmp_path):
    alone, viewed = method
    store = write_candidates(tmp_path / "results", alone, photos)
    for record in photos:
        pixels, boxes, stored = read_image(record.path), np.array([[5, 5, 40, 40]]), stored_pool(store, record)
        assert same(stored, make_proposer(alone)(pixels, record.image))
        made = make_box_proposer(viewed)(pixels, record.image, boxes)
        assert len(made) > len(stored)
        assert same(make_box_proposer(viewed)(pixels, record.image, boxes, stored), made)


def test_a_store_is_known_if_nothing_differs(method, photos, tmp_path, monkeypatch):
    (alone, viewed), results = method, tmp_path / "results"
    store = write_candidates(results, alone, photos)
    everything = {record.image: store for record in photos}
    assert known_pools([results], alone, photos) == known_pools([results], viewed, photos) == everything
    assert known_pools([tmp_path / "elsewhere", results], alone, photos[1:]) == {
        record.image: store for record in photos[1:]
    }
    assert known_pools([results], alone.model_copy(update={"seed": 1}), photos) == {}
    with monkeypatch.context() as patched:  # another version of a package, or another processor
        patched.setattr(module, "provenance", lambda *names: provenance(*names) | {"numpy": "1.0"})
        assert known_pools([results], alone, photos) == {}
    with open(photos[0].path, "ab") as file:  # the same pixels, other bytes
        file.write(b"\0")
    assert known_pools([results], alone, photos) == {record.image: store for record in photos[1:]}


def test_stores_are_looked_for_once(method, photos, tmp_path, monkeypatch):
    settings, results = method[0], tmp_path / "results"
    store = write_candidates(results, settings, photos)
    opened = []
    monkeypatch.setattr(module, "open_group", lambda path, kind: opened.append(path) or open_group(path, kind))
    known = KnownPools([results], settings)
    assert [known.store_of(record) for record in photos] == [store] * 3
    assert opened == [store]
    # Made anew by another version in the meantime: it is looked for again, and not taken.
    shutil.rmtree(results)
    write_candidates(results, settings, photos, version=1)
    assert known.store_of(photos[1]) is None
    Path(photos[0].path).unlink()
    assert known.store_of(photos[0]) is None


def test_a_store_of_other_files_another_version_or_with_views_is_not_known(method, photos, tmp_path):
    alone, viewed = method
    old = write_candidates(tmp_path / "old", alone, photos, version=1)
    write_candidates(tmp_path / "views", viewed, photos)
    found = write_candidates(tmp_path / "edited", alone, photos)
    folders = [tmp_path / name for name in ("old", "views", "edited")]
    assert set(known_pools(folders, viewed, photos).values()) == {found}
    inventory = found.parents[2] / "inventory.json"  # taken anew, since an image was edited; the store is still there
    inventory.write_text(inventory.read_text().replace(sha256_of(Path(photos[0].path)), "0" * 64))
    assert known_pools(folders, viewed, photos) == {}
    old.with_name(f".{old.name}.made-from.json").unlink()
    assert known_pools(folders, viewed, photos) == {}


def test_a_damaged_store_or_another_size_gives_no_pool(method, photos, tmp_path):
    store = write_candidates(tmp_path / "results", method[0], photos)
    record = photos[0]
    assert stored_pool(store, Record(record.image, record.path, 10, 10)) is None
    assert stored_pool(store, Record("another", record.path, 64, 64)) is None
    for path in store.rglob("c/*"):
        if path.is_file():
            os.truncate(path, path.stat().st_size // 2)
    assert stored_pool(store, photos[1]) is None


def test_results_are_looked_for_around_the_model_and_here(tmp_path):
    model = tmp_path / "there/results/own_box/seed-0/epochs/006/model.pt"
    assert results_around(model)[0] == tmp_path / "there/results"
    assert results_around(tmp_path / "copy.pt") == results_around(None)


@pytest.mark.slow  # networks run
def test_masks_have_the_same_bytes_with_candidates_of_the_workflow(method, photos, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = ["masks", "--images", "photos", "--boxes", "boxes", "--workers", "1"]
    words += ["--proposals", "selective_search"]
    said = run_boxsup(*words, "--out", "without").stderr
    assert "candidates of" not in said
    store = write_candidates(tmp_path / "results", method[0], photos[:2])
    said = run_boxsup(*words, "--out", "with").stderr
    assert f"masks: candidates of 2 of 3 images are those of {os.path.relpath(store.parent)}\n" in said
    assert "candidates of" not in run_boxsup(*words, "--out", "with").stderr  # nothing is left to make
    shutil.rmtree("results")
    one, other = (
        {path.relative_to(out): path.read_bytes() for path in out.rglob("*.*") if path.is_file()}
        for out in (tmp_path / "without", tmp_path / "with")
    )
    assert [name for name in one if one[name] != other.get(name)] == []
    assert one.keys() == other.keys()
