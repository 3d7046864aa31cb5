"""A tree in BSDS500's layout: a few pictures that the tests draw, and the real one where it is at hand."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from helpers.discs import disc, write_annotations
from helpers.paths import real_data


@pytest.fixture(scope="session")
def small_bsds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two images a split, two annotators each."""
    root = tmp_path_factory.mktemp("bsds")
    for split, first in (("train", 30), ("val", 50)):
        (root / "images" / split).mkdir(parents=True)
        for centre in (first, first + 8):
            image, regions = disc(160, centre)
            Image.fromarray(image).save(root / "images" / split / f"{centre}.jpg", quality=95)
            other = disc(160, centre, 23)[1]
            write_annotations(root / "groundTruth" / split / f"{centre}.mat", [regions, other])
    return root


@pytest.fixture(scope="session")
def real_bsds() -> Path:
    """BSDS500's own photographs."""
    return real_data("bsds500")
