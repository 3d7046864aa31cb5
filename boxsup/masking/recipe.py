"""How masks are made, as plain data: what `boxsup masks` writes down, and what a `MaskMaker` is made from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from boxsup.config.proposals import MEGAPIXELS, ProposalSettings
from boxsup.config.update import UpdateSettings


@dataclass(frozen=True)
class Recipe:
    """How to make the masks of boxes.

    Attributes:
        model: The checkpoint of a trained network, which is asked about the boxes of its classes; None for none.
        objects: Files of object networks, whose maps are averaged; none for the one that ships with the package.
        scales: Scales of the image over which the trained network's scores are averaged.
        update: How a box chooses its candidate; see `boxsup.masking.box_masks.check_update`.
        proposals: Settings of the method that makes the candidates.
        disjoint: Whether a pixel belongs to one box only.
        megapixels: An image with more is reduced to this for the trained network.
        shipped: Whether the shipped object network is asked beside `objects`; see `ObjectViewer`.
    """

    model: Path | None
    objects: tuple[Path, ...]
    scales: tuple[float, ...]
    update: UpdateSettings
    proposals: ProposalSettings
    disjoint: bool = False
    megapixels: float = MEGAPIXELS
    shipped: bool = False
