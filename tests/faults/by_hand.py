"""Commands that a user runs by hand, into folders that hold files of the user's, killed and run again.

Whatever happens, each of the user's files is where it was, with the same bytes; only a command that was told to
`--overwrite` may have put it under a dated name beside it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from disturbances import LostError

SHAPES = {"seed": 0, "side": 64, "train": 6, "val": 2, "masks": 1}
PATIENCE = 300  # s that a command may take
UNSEEN = ".{name}.{host}.00000000.1.7.partial"  # of a process in another container
STOPS = [signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT]
Known = dict[Path, str]  # a user's file -> its SHA-256


@dataclass
class Home:
    """A user's folder with images, boxes, a model, and results of ours.

    Attributes:
        folder: Where it is.
        random: What is drawn from.
        users: The user's files as they must stay.
    """

    folder: Path
    random: np.random.Generator
    users: Known = field(default_factory=dict)

    def own(self, path: Path, content: bytes | None = None) -> None:
        """Let a file be the user's, with this content or that which it has."""
        if content is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        self.users[path] = digest(path)

    def start(self, words: list[str]) -> subprocess.Popen[str]:
        with self.folder.with_name(f"{self.folder.name}.txt").open("a") as output:
            return subprocess.Popen(
                [sys.executable, "-m", "boxsup", *words],
                cwd=self.folder, stdout=output, stderr=subprocess.STDOUT, text=True,
            )  # fmt: skip

    def stopped(self, words: list[str], seconds: float) -> None:
        """Run a command and stop it at a moment that is drawn: any, or just after it has begun to write."""
        run = self.start(words)
        if self.random.random() < 0.5:
            with contextlib.suppress(subprocess.TimeoutExpired):
                run.wait(self.random.uniform(0, 1.2 * seconds))
        else:
            while run.poll() is None and not self.hidden():
                time.sleep(0.002)
            time.sleep(self.random.exponential(0.03))
        run.send_signal(STOPS[int(self.random.integers(len(STOPS)))])
        run.wait(PATIENCE)

    def hidden(self) -> list[Path]:
        """What is being written, or was left so; a user's file that looks so may lie in a folder that was put aside."""
        found = [path for ending in ("partial", "old") for path in self.folder.rglob(f".*.{ending}*")]
        theirs = set(self.users.values())
        return [path for path in found if path.is_dir() or digest(path) not in theirs]

    def check(self, overwritten: bool) -> None:
        """Raise where a file of the user's is not as it was."""
        for path, expected in self.users.items():
            if path.is_file() and digest(path) == expected:
                continue
            aside = overwritten or path.parent.name == "parts"  # these are made anew, whoever changed them
            kept = [digest(each) for each in self.folder.rglob("*") if each.is_file()] if aside else []
            if expected not in kept:
                raise LostError(f"a user's file was lost or changed: {path}")
        log = self.folder.with_name(f"{self.folder.name}.txt")
        said = log.read_text(errors="replace") if log.exists() else ""
        if (
            any(map(is_ours, said.split("Traceback")[1:])) and "KeyboardInterrupt" not in said
        ):  # as Python itself starts
            raise LostError(f"a traceback: {said[-2000:]}")


def is_ours(traceback: str) -> bool:
    """Whether a traceback has a line that is not Snakemake's own, which raises where it cannot tidy up."""
    files = re.findall(r'^ +File "(.+)", line', traceback, re.MULTILINE)
    return not files or not all("/site-packages/snakemake/" in file or file.startswith("<frozen") for file in files)


def digest(path: Path) -> str | None:
    """The SHA-256 of a file; None if it is there no more, as a command that runs may have put it in its place."""
    with contextlib.suppress(FileNotFoundError):
        return hashlib.sha256(path.read_bytes()).hexdigest()
    return None


def commands(home: Path) -> dict[str, tuple[list[str], Path]]:
    """Each command's words, and the folder that it writes."""
    boxes, model = ["--images", "photos", "--boxes", "xml"], ["--model", "model.pt"]
    quick = ["--proposals", "selective_search", "--workers", "1", "--format", "voc", "coco", "yolo"]
    tree = ["--settings", json.dumps(SHAPES), "--classes", '["ring", "star"]']
    split = ["--split", json.dumps({"images": "photos", "annotations": "xml", "masks": "none"})]
    read = ["--root", ".", *split, "--classes", '["ring", "star"]', "--on-problem", "skip"]
    return {
        "predict": (["predict", "photos", *model, "--threads", "1", "--out", "predicted"], home / "predicted"),
        "masks": (["masks", *boxes, *model, *quick, "--out", "masks"], home / "masks"),
        "init": (["init", "mine", *boxes, "--workers", "1"], home / "mine"),
        "shapes": (["shapes", *tree, "--out", "tree"], home / "tree"),
        "catalogue": (["catalogue", "--format", "voc_xml", *read, "--out", "tables"], home / "tables"),
    }


def make_home(folder: Path) -> dict[str, float]:
    """Fill a user's folder, and run every command once: the seconds that each takes."""
    home = Home(folder, np.random.default_rng(0))
    folder.mkdir(parents=True)
    seconds = {}
    for name in ("shapes", "model", "init", "catalogue", "predict", "masks"):
        words = commands(folder)[name][0] if name != "model" else _model_words()
        if name == "model":
            _photos(folder)
            home.start(["catalogue", *commands(folder)["catalogue"][0][1:-1], "for_model"]).wait(PATIENCE)
        start = time.monotonic()
        if home.start(words).wait(PATIENCE) != 0:
            raise LostError(f"the undisturbed {name} failed: {folder}.txt")
        seconds[name] = time.monotonic() - start
    return seconds


def _model_words() -> list[str]:
    network = json.dumps({"name": "mobilenet_v2", "weights": "none", "sha256": ""})
    return ["network", "--catalogue", "for_model", "--seed", "0", "--settings", network, "--out", "model.pt"]


def _photos(folder: Path) -> None:
    for source, target in (("JPEGImages", "photos"), ("Annotations", "xml")):
        shutil.copytree(folder / "tree" / source, folder / target)


def results(home: Home, below: Path) -> list[Path]:
    """Files of ours below a folder, but for the manifests."""
    return sorted(path for path in below.rglob("*") if path.is_file() and not path.name.startswith("."))


def pick(home: Home, paths: list[Path]) -> Path:
    return paths[int(home.random.integers(len(paths)))]


def foreign_file(home: Home, out: Path) -> None:
    """A file that the user put among ours."""
    beside = pick(home, results(home, out))
    home.own(beside.with_name(f"mine{int(home.random.integers(1000))}.jpg"), home.random.bytes(99))


def corrected_file(home: Home, out: Path) -> None:
    """A result that the user has edited."""
    path = pick(home, results(home, out))
    home.own(path, path.read_bytes() + b"corrected")


def only_theirs(home: Home, out: Path) -> None:
    """No result of ours: a user's file, or folder, that is called as an output is."""
    path = pick(home, results(home, out))
    shutil.rmtree(out)
    if home.random.random() < 0.5:
        home.own(path, b"theirs")
    else:
        home.own(path / "deep" / "file", b"theirs")


def linked_input(home: Home, out: Path) -> None:
    """An output that is an image by a hard link, or leads to one."""
    path, photo = pick(home, results(home, out)), pick(home, results(home, home.folder / "photos"))
    path.unlink()
    if home.random.random() < 0.5:
        os.link(photo, path)
    else:
        path.symlink_to(photo)
        home.own(path)


def input_in_output(home: Home, out: Path) -> None:
    """The images lie in the folder of results; a link has their name."""
    place = out / "photos"
    out.mkdir(exist_ok=True)
    (home.folder / "photos").rename(place)
    (home.folder / "photos").symlink_to(place)


def unseen_partial(home: Home, out: Path) -> None:
    """What a process in another container is writing."""
    path = pick(home, [out, *results(home, out)])
    home.own(path.with_name(UNSEEN.format(name=path.name, host=socket.gethostname())), b"half")


def immutable_file(home: Home, out: Path) -> None:
    """A user's file that cannot be changed, among ours or in place of one."""
    (foreign_file if home.random.random() < 0.5 else corrected_file)(home, out)
    subprocess.run(["chattr", "+i", list(home.users)[-1]], check=True)


def by_hand(trouble: Callable[[Home, Path], None]) -> Callable[[Home, dict[str, float]], None]:
    """A round: the user's files get in the way of a command, which is stopped, and then run to its end."""

    def act(home: Home, seconds: dict[str, float]) -> None:
        for path in (home.folder / "photos", home.folder / "xml"):
            for file in results(home, path):
                home.own(file)
        name, (words, out) = pick(home, sorted(commands(home.folder).items()))
        trouble(home, out)
        read = [path for path in home.users if path.is_relative_to(home.folder / "photos") and name != "shapes"]
        overwrite = home.random.random() < 0.5
        words = [*words, *(["--overwrite"] if overwrite else [])]
        for _ in range(int(home.random.integers(1, 4))):
            home.stopped(words, seconds[name])
            home.check(overwrite)
        status = home.start(words).wait(PATIENCE)
        home.check(overwrite)
        if status not in (0, 1):
            raise LostError(f"{name} ended with status {status}")
        if status == 0 and home.hidden():
            raise LostError(f"half-written: {home.hidden()[0]}")
        for path in read:  # what is read is never put aside either
            if not path.exists():
                raise LostError(f"an input was moved: {path}")

    return act


BY_HAND: dict[str, Callable[[Home, dict[str, float]], None]] = {
    "by hand: a stranger's file among results": by_hand(foreign_file),
    "by hand: a result that was corrected": by_hand(corrected_file),
    "by hand: a user's file with an output's name": by_hand(only_theirs),
    "by hand: an output that is an input by a link": by_hand(linked_input),
    "by hand: an input in the output": by_hand(input_in_output),
    "by hand: a partial of an unseen process": by_hand(unseen_partial),
}
BY_HAND_AS_ROOT = {"by hand: an immutable file of the user's": by_hand(immutable_file)}
