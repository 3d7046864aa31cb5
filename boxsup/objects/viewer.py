"""Object networks that look into the boxes of an image together."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from boxsup.errors import StoreError
from boxsup.image.boxes import box_blocks
from boxsup.machine.devices import device
from boxsup.network.folding import folded
from boxsup.objects.crops import crops_of, resized
from boxsup.objects.maps import to_bytes
from boxsup.objects.network import SHIPPED, SHIPPED_SHA256, ObjectNet, load_network, load_shipped
from boxsup.objects.training import object_maps
from boxsup.store.checksums import sha256_of


class ObjectViewer:
    """Object networks whose maps are averaged, those of a run and the one that ships with the package.

    Attributes:
        weights: The weight of each network in the average, by the SHA-256 of its file.
    """

    def __init__(self, paths: Sequence[Path], threads: int, shipped: bool = False) -> None:
        """Read the networks; one that had no box to learn from is left out.

        Args:
            paths: Files of object networks, of which equal ones count once; if none of them has learned anything, or
                there are none, the network that ships with the package is read.
            threads: Threads of torch on the CPU, on which the last bits of maps depend.
            shipped: Whether the network that ships with the package is asked in any case. It then counts as much as all
                others together.

        Raises:
            StoreError: A file is missing, damaged or not an object network.
        """
        learned = {path: network for path in paths if (network := _read(path))[2]}
        read = {sha256_of(path): network for path, network in learned.items()}
        self.weights = dict.fromkeys(read, 1)
        if shipped or not read:
            read[SHIPPED_SHA256] = _checked(SHIPPED, *load_shipped())
            self.weights[SHIPPED_SHA256] = max(1, len(read) - 1)
        self._threads = threads
        self._networks = [(folded(network).to(device()), size) for network, size, _ in read.values()]
        self._side = max(size for _, size in self._networks)

    def maps(self, image: NDArray[np.uint8], boxes: NDArray[np.integer]) -> NDArray[np.uint8]:
        """Look into the boxes of an image.

        Args:
            image: H×W×3 uint8 RGB.
            boxes: B×4 half-open pixel corners.

        Returns:
            B×s×s object maps as `boxsup.objects.maps` has them; s is the greatest side among the networks.
        """
        torch.set_num_threads(self._threads)  # for each call, since it holds for the calling thread alone
        none = np.empty((0, self._side, self._side), np.uint8)
        return np.concatenate([none, *(self._mean(image, boxes[block]) for block in box_blocks(len(boxes)))])

    def _mean(self, image: NDArray[np.uint8], boxes: NDArray[np.integer]) -> NDArray[np.uint8]:
        return to_bytes(mean_maps(self._networks, [*self.weights.values()], image, boxes, self._side))


def mean_maps(
    networks: Sequence[tuple[ObjectNet, int]],
    weights: Sequence[float],
    image: NDArray[np.uint8],
    boxes: NDArray[np.integer],
    side: int,
) -> NDArray[np.float32]:
    """Say which pixels of each box are the object: the weighted mean of what several networks say.

    Args:
        networks: At least one network, in evaluation mode, each with the side of a box in its crops.
        weights: The weight of each of them.
        image: H×W×3 uint8 RGB.
        boxes: B×4 half-open pixel corners, of at least one box.
        side: Side of a map.

    Returns:
        B×side×side probabilities, stretched over the boxes.
    """
    seen = []
    for network, size in networks:
        maps = object_maps(network, crops_of(image, boxes, size), size)
        seen.append(maps if size == side else np.stack([resized(each, side, side) for each in maps]))
    return np.asarray(np.average(seen, axis=0, weights=np.array(weights, np.float32)), np.float32)


def _read(path: Path) -> tuple[ObjectNet, int, int]:
    return _checked(path, *load_network(path))


def _checked(path: Path, network: ObjectNet, made: dict[str, Any]) -> tuple[ObjectNet, int, int]:
    """A network, the side of a box in its crops, and the number of boxes that it learned from."""
    try:
        return network, int(made["settings"]["size"]), int(made["boxes"])
    except (KeyError, TypeError, ValueError) as error:
        raise StoreError(f"{path}: does not say how it was made; make it again with `boxsup objects`") from error
