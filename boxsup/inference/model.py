"""A trained model for use from Python: `boxsup.load(path).predict(image)`."""

from __future__ import annotations

import html
import logging
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from boxsup.config.inference import CrfSettings
from boxsup.errors import ConfigError
from boxsup.image.enlarging import enlarged_labels
from boxsup.image.files import encode_mask
from boxsup.image.given import ImageLike, given_pixels
from boxsup.image.palette import overlay
from boxsup.image.showing import html_picture, html_table, jpeg_bytes, png_bytes
from boxsup.image.tiles import MIN_SIDE, crops, joined, tiles
from boxsup.inference.arguments import check_crf, checked_number, checked_scales
from boxsup.inference.crf import dense_crf, require_crf
from boxsup.inference.labelling import crf_settings
from boxsup.inference.scores import Predictor
from boxsup.inference.trained import find_trained
from boxsup.near import first_few
from boxsup.store.saving import ending_of, save

ENDINGS = {".png": "the labels", ".jpg": "the overlay"}


@dataclass(frozen=True, eq=False, repr=False)
class Prediction:
    """The labels of an image.

    Attributes:
        labels: H×W uint8, the most likely label of each pixel: 0 background, 1…C-1 classes.
        names: C class names by label: `names[labels[y, x]]` is the class at a pixel.
        scores: C×h×w float32 natural-log probabilities, with the bias and before the CRF; None unless asked for. A
            large image is scored at a reduced size, h×w; see `Labelling.megapixels`.
        image: The image, H×W×3 uint8 RGB.
    """

    labels: NDArray[np.uint8]
    names: tuple[str, ...]
    scores: NDArray[np.float32] | None
    image: NDArray[np.uint8]

    @property
    def shares(self) -> dict[str, float]:
        """The share of the image that each class has, the largest first; classes that it does not show are left out."""
        counts = np.bincount(self.labels.ravel(), minlength=len(self.names)) / self.labels.size
        present = [label for label in np.argsort(-counts, kind="stable").tolist() if counts[label]]
        return {self.names[label]: float(counts[label]) for label in present}

    def overlay(self) -> NDArray[np.uint8]:
        """Draw the labels over the image in grey, in VOC's colours: H×W×3 uint8 RGB."""
        return overlay(self.image, self.labels)

    def save(self, path: str | os.PathLike[str], overwrite: bool = False) -> Path:
        """Write the labels as a PNG with VOC's palette, whose values are the labels, or the overlay as `.jpg`.

        Args:
            path: The file. One that we wrote before is replaced.
            overwrite: Whether to keep a file that is in the way under a dated name, instead of raising an error.

        Raises:
            DataError: The name has another ending.
            StoreError: A file is in the way that is not ours, or nothing can be written there.
        """
        ending = ending_of(path, ENDINGS)
        return save(path, encode_mask(self.labels) if ending == ".png" else jpeg_bytes(self.overlay()), overwrite)

    def __repr__(self) -> str:
        shares = ", ".join(f"{name} {100 * share:.1f} %" for name, share in self.shares.items())
        height, width = self.labels.shape
        return f"Prediction({height}×{width} pixels: {shares})"

    def _repr_html_(self) -> str:
        rows = [(self.names.index(name), (name, f"{100 * share:.1f}")) for name, share in self.shares.items()]
        return html_picture(self.overlay(), "labels over the image") + html_table(["class", "%"], rows)

    def _repr_png_(self) -> bytes:
        return png_bytes(self.overlay())


class Model:
    """A trained network with its classes; see `boxsup.load`.

    Attributes:
        classes: C class names by label; the first is the background.
        network: Name of the network in the configuration.
        labelling: How its run labels images.
        path: The checkpoint.
    """

    def __init__(self, path: str | os.PathLike[str], threads: int | None = None) -> None:
        """Read a checkpoint; see `boxsup.load`."""
        trained = find_trained(path)
        self.labelling = trained.labelling
        if trained.note:
            logging.getLogger(__name__).warning("%s", trained.note)
        if trained.known and threads is None:
            threads = self.labelling.threads
        self._predictor = Predictor(trained.checkpoint, threads, megapixels=self.labelling.megapixels)
        self.classes = self._predictor.classes
        self.network = self._predictor.checkpoint.network
        self.path = trained.checkpoint

    def __repr__(self) -> str:
        return f"Model({str(self.path)!r}, {self.network}, {len(self.classes)} classes: {first_few(self.classes, 6)})"

    def _repr_html_(self) -> str:
        labelling = self.labelling
        crf = "with the dense CRF" if labelling.refining else "without CRF"
        scales = ", ".join(f"{scale:g}" for scale in labelling.scales)
        text = f"{self.network}, {self.path}; labels at scale {scales}, {crf}"
        rows = [(label, (label, name)) for label, name in enumerate(self.classes)]
        return f"<p>{html.escape(text)}</p>" + html_table(["label", "class"], rows)

    def predict(
        self,
        image: ImageLike,
        *,
        crf: bool | CrfSettings | None = None,
        scales: Sequence[float] | None = None,
        background_bias: float | None = None,
        scores: bool = False,
        megapixels: float | None = None,
        tile: int | None = None,
    ) -> Prediction:
        """Label every pixel of an image; by default, as the page of the model's run shows it.

        Args:
            image: A path, H×W×3 uint8 RGB or H×W uint8 grey pixels, or a Pillow image.
            crf: Whether to refine the labels by the dense CRF. True uses the settings of the run, or those of
                `config.yaml` if it has no CRF; other settings can be given. None does what the run does.
            scales: Scales of the image, above 0 and at most 4; the probabilities at all of them are averaged.
            background_bias: Nats to add to the background's score; below 0, more pixels become objects.
            scores: Whether to return the scores too; not of tiles.
            megapixels: An image with more is reduced to this for the network; `math.inf`: none is. None does what the
                run does.
            tile: Label a larger image in overlapping tiles of this side, px, so that memory does not grow with it.

        Raises:
            DataError: The file is not a readable image, or the array has another shape or type.
            ConfigError: A scale is out of range, the bias is not a finite number, or scores of tiles are asked for.
            BoxSupError: The library of the CRF is needed and not installed.
        """
        labelling = self.labelling
        scales = checked_scales(labelling.scales if scales is None else scales)
        background_bias = labelling.background_bias if background_bias is None else background_bias
        background_bias = checked_number("background_bias", background_bias)
        if not math.isfinite(background_bias):
            raise ConfigError(f"background_bias: expected a number, got {background_bias}")
        if megapixels is not None and not checked_number("megapixels", megapixels) > 0:
            raise ConfigError(f"megapixels: expected a number above 0, got {megapixels}")
        if tile is not None and (checked_number("tile", tile) < MIN_SIDE or tile % 1 or scores):
            raise ConfigError(f"tile: expected {MIN_SIDE} px or more, and scores=False, got {tile}")
        check_crf(crf)
        if isinstance(crf, CrfSettings):
            settings = crf if crf.refines else None
        else:
            settings = labelling.refining if crf is None else crf_settings(labelling.refining) if crf else None
        if settings:
            require_crf()
        pixels = given_pixels(image)
        working = self._predictor.working_image(pixels, megapixels)
        height, width, _ = working.shape
        places, parts = tiles(height, width, int(tile or max(height, width))), list[NDArray[np.uint8]]()
        for seen in crops(working, places):
            probabilities = self._predictor.log_probabilities(seen, scales, background_bias).cpu().numpy()
            own = dense_crf(seen, probabilities, settings) if settings else probabilities.argmax(axis=0)
            parts.append(own.astype(np.uint8))
        labels = enlarged_labels(joined(parts, places), pixels)
        return Prediction(labels, self.classes, probabilities if scores else None, pixels)
