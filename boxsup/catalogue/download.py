"""Downloads published data sets and unpacks them as one tree in VOC layout; adds the list `trainaug` to VOC 2012.

`trainaug` is the training set that papers on VOC use since SBD (Hariharan et al., ICCV 2011): the images of SBD and of
VOC's train without those of VOC's val; 10,582 images.
"""

from __future__ import annotations

import contextlib
import os
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, cast

from boxsup.catalogue.archives import Archive, fetch, is_present
from boxsup.catalogue.readers.sbd import class_mask
from boxsup.catalogue.readers.voc import ANNOTATIONS, IMAGES, LISTS, MASKS
from boxsup.catalogue.records import read_list
from boxsup.errors import DataError
from boxsup.image.files import write_mask
from boxsup.machine.bars import tqdm
from boxsup.machine.stopping import removed_at_end
from boxsup.store.leftovers import PARTIAL, clear_leftovers, hidden_path
from boxsup.store.renames import move

AUGMENTED_MASKS, AUGMENTED_LIST = "SegmentationClassAug", "trainaug"
SBD_PREFIX, SBD_CLASSES = PurePosixPath("benchmark_RELEASE/dataset"), 21


@dataclass(frozen=True)
class Augmentation:
    """SBD's archive, and the expected lengths of VOC's lists train and val, and of `trainaug`."""

    archive: Archive
    train: int
    val: int
    trainaug: int


@dataclass(frozen=True)
class PublishedDataset:
    """A published data set: its archives, the folder in them that holds its tree, and what SBD adds to it, if any."""

    archives: tuple[Archive, ...]
    prefix: PurePosixPath
    augmentation: Augmentation | None = None


def _oxford(year: int, name: str, md5: str) -> Archive:
    return Archive(name, f"https://thor.robots.ox.ac.uk/pascal/VOC/voc{year}/{name}", md5)


# Addresses and checksums as in torchvision.datasets.voc and torchvision.datasets.sbd; names as in `datasets.*.source`.
SOURCES = {
    "voc2012": PublishedDataset(
        (_oxford(2012, "VOCtrainval_11-May-2012.tar", "6cd6e144f989b92b3379bac3b3de84fd"),),
        PurePosixPath("VOCdevkit/VOC2012"),
        Augmentation(
            Archive(
                "benchmark.tgz",
                "https://www2.eecs.berkeley.edu/Research/Projects/CS/vision/grouping/semantic_contours/benchmark.tgz",
                "82b4d87ceb2ed10f6038a1cba92111cb",
            ),
            train=1464,
            val=1449,
            trainaug=10582,
        ),
    ),
    "voc2010": PublishedDataset(  # PASCAL-Context's images
        (_oxford(2010, "VOCtrainval_03-May-2010.tar", "da459979d0c395079b5c75ee67908abb"),),
        PurePosixPath("VOCdevkit/VOC2010"),
    ),
    "voc2007": PublishedDataset(
        (
            _oxford(2007, "VOCtrainval_06-Nov-2007.tar", "c52e279531787972c589f7e41ab4ae64"),
            _oxford(2007, "VOCtest_06-Nov-2007.tar", "b6e924de25625d8de591ea690078ad9f"),
        ),
        PurePosixPath("VOCdevkit/VOC2007"),
    ),
}


def provide_tree(root: Path, download: bool, source: PublishedDataset | None) -> list[Archive]:
    """Make sure that there is a tree in VOC layout at `root`; add `trainaug` if it is VOC 2012 itself.

    No existing file is overwritten, and a tree that is not VOC 2012 is left as it is. Archives are searched in the
    parent folder of `root`, and downloaded to it.

    Args:
        root: The root folder of the tree.
        download: Whether archives may be downloaded; otherwise only existing ones are used.
        source: The data set to fetch; None for the user's own tree.

    Returns:
        The archives that were used.

    Raises:
        DataError: The tree is missing or incomplete, and an archive that it needs is not available.
    """
    used: list[Archive] = []
    if not is_tree(root):
        if source is None:
            raise DataError(
                f"{root}: no tree in VOC layout ({IMAGES}, {ANNOTATIONS}, {LISTS}); put it there, let the data set's "
                "`root` name where it is, or try the generated demo: results/demo_semi/report.html"
            )
        augmentation = [source.augmentation.archive] if source.augmentation else []
        _obtain([*source.archives, *augmentation], root, download)
        add_tree([root.parent / archive.name for archive in source.archives], source.prefix, root)
        used += source.archives
    if source is not None and source.augmentation is not None and lacks_trainaug(root, source.augmentation):
        archive = source.augmentation.archive
        if download or (root.parent / archive.name).is_file():
            _obtain([archive], root, download)
            add_sbd(root.parent / archive.name, root, source.augmentation.trainaug)
            used.append(archive)
    return used


def is_tree(root: Path) -> bool:
    """Whether a folder has VOC's layout: images, annotations and lists."""
    return all((root / part).is_dir() for part in (IMAGES, ANNOTATIONS, LISTS))


def lacks_trainaug(root: Path, augmentation: Augmentation) -> bool:
    """Whether a tree is VOC 2012 itself, judging by the lengths of its lists, and has no `trainaug` yet."""
    if (root / LISTS / f"{AUGMENTED_LIST}.txt").exists():
        return False
    lists = [root / LISTS / f"{name}.txt" for name in ("train", "val")]
    lengths = [len(read_list(path)[0]) if path.is_file() else 0 for path in lists]
    return lengths == [augmentation.train, augmentation.val]


def add_tree(archives: Sequence[Path], prefix: PurePosixPath, root: Path) -> None:
    """Unpack the folder `prefix` of archives to `root`. Lists come last, so a tree with lists is complete."""
    with _staging(root) as staging:
        for archive in archives:
            for tar, member, name in _members(archive, prefix):
                tar.extract(member.replace(name=str(name)), staging, filter="data")
        if not is_tree(staging):
            names = " and ".join(map(str, archives))
            raise DataError(f"{names}: no {prefix} with {IMAGES}, {ANNOTATIONS} and {LISTS} in there")
        _merge(staging, root, last=LISTS)


def add_sbd(archive: Path, root: Path, expected: int) -> None:
    """Add SBD's masks of images that have none in VOC, and the list `trainaug`.

    Args:
        archive: SBD's `benchmark.tgz`.
        root: The root folder of VOC 2012.
        expected: The number of ids that the list must have.
    """
    with _staging(root) as staging:
        masks, lists = staging / AUGMENTED_MASKS, staging / LISTS
        masks.mkdir(parents=True)
        lists.mkdir(parents=True)
        ids: list[str] = []
        for tar, member, name in _members(archive, SBD_PREFIX):
            content = cast(IO[bytes], tar.extractfile(member))  # never None: the member is a file
            if str(name) in ("train.txt", "val.txt"):
                ids += content.read().decode().split()
            elif name.parent.name == "cls" and not (root / MASKS / f"{name.stem}.png").exists():
                write_mask(masks / f"{name.stem}.png", class_mask(content.read(), archive / name, SBD_CLASSES))
        train, val = (read_list(root / LISTS / f"{split}.txt")[0] for split in ("train", "val"))
        images = trainaug_ids(ids, train, val)
        if len(images) != expected:
            raise DataError(f"{archive}: expected lists that make {expected} images of trainaug, got {len(images)}")
        (lists / f"{AUGMENTED_LIST}.txt").write_text("".join(f"{image}\n" for image in images), encoding="utf-8")
        _merge(staging, root, last=LISTS)


def trainaug_ids(sbd: Iterable[str], train: Iterable[str], val: Iterable[str]) -> list[str]:
    """The ids of `trainaug`, sorted: SBD's train and val and VOC's train, without VOC's val.

    >>> trainaug_ids(sbd=["c", "v"], train=["a"], val=["v"])
    ['a', 'c']
    """
    return sorted((set(sbd) | set(train)) - set(val))


def _obtain(archives: Sequence[Archive], root: Path, download: bool) -> None:
    """Make sure that archives are in the parent folder of `root`, or raise a DataError that says what to do."""
    folder = root.parent
    missing = [archive for archive in archives if not is_present(archive, folder)]
    reason = "downloads are off (download: false)"
    try:
        for archive in missing if download else ():
            fetch(archive, folder)
    except DataError as error:
        reason = str(error)
    missing = [archive for archive in missing if not (folder / archive.name).is_file()]
    if missing:
        lacking = "this VOC 2012 has no trainaug" if is_tree(root) else "no tree in VOC layout"
        without = "set download: false to go without trainaug, or " if is_tree(root) else ""
        files = " and ".join(f"{archive.name} (MD5 {archive.md5})" for archive in missing)
        raise DataError(
            f"{root}: {lacking}, and {reason}; put {files} into {folder}, or {without}let the data set's `root` name a "
            "tree in VOC layout that you have, or try the generated demo: results/demo_semi/report.html"
        )


def _members(archive: Path, prefix: PurePosixPath) -> Iterator[tuple[tarfile.TarFile, tarfile.TarInfo, PurePosixPath]]:
    """The files of an archive below the folder `prefix`, each with its path relative to it."""
    try:
        with tarfile.open(archive) as tar:
            for member in tqdm(tar, archive.name, unit="file", disable=None):
                path = PurePosixPath(member.name)
                if ".." in path.parts:
                    raise DataError(f"{archive}: {path} leads out of its folder; nothing was unpacked")
                if member.isfile() and path.is_relative_to(prefix):
                    yield tar, member, path.relative_to(prefix)
    except tarfile.TarError as error:
        raise DataError(f"{archive}: not a tar archive that can be unpacked ({error})") from error


@contextlib.contextmanager
def _staging(root: Path) -> Iterator[Path]:
    """An empty hidden folder beside `root`. The remains of a killed run are removed first."""
    clear_leftovers(root.parent, lambda old, output: False)
    folder = hidden_path(root, PARTIAL)
    folder.mkdir(parents=True)
    with removed_at_end(folder):
        yield folder


def _merge(source: Path, target: Path, last: str) -> None:
    """Move the files of one folder to another unless they exist there; those below `last` at the end."""
    files = [Path(folder, name) for folder, _, names in os.walk(source) for name in names]
    files.sort(key=lambda file: (file.is_relative_to(source / last), file))
    for file in files:
        destination = target / file.relative_to(source)
        destination.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            move(file, destination)
