"""What object networks see in boxes, and what they see in other views of them, to tell how sure they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from boxsup.image.boxes import box_blocks
from boxsup.machine.devices import device
from boxsup.objects.crops import crop_side, crops_of, margin_of, resized
from boxsup.objects.maps import to_bytes
from boxsup.objects.network import SHIPPED_SHA256, ObjectNet, load_network, load_shipped
from boxsup.objects.training import normalised
from boxsup.store.checksums import sha256_of

BATCH = 32  # crops that are computed at once
NEARER = 3  # the nearer view loses the margin divided by this on each side, and is enlarged


@dataclass(frozen=True)
class Views:
    """What object networks see in the boxes of an image, in B×s×s maps that are stretched over the boxes.

    Attributes:
        maps: uint8: the mean over the networks, the crop and its mirror image, as stores of object maps have it.
        others: The same boxes seen in other ways, uint8: the mirror image alone, and a crop with a smaller margin.
    """

    maps: NDArray[np.uint8]
    others: tuple[NDArray[np.uint8], ...]

    def of(self, rows: NDArray[np.integer]) -> Views:
        """The views of some of the boxes."""
        return Views(self.maps[rows], tuple(maps[rows] for maps in self.others))


class ObjectViewer:
    """Object networks that look into boxes together.

    Attributes:
        hashes: The SHA-256 of the file of each network, in order.
    """

    def __init__(self, paths: Sequence[Path], threads: int) -> None:
        """Read the networks.

        Args:
            paths: Files of object networks; none for the network that ships with the package.
            threads: Threads of torch on the CPU, on which the last bits of maps depend.

        Raises:
            StoreError: A file is missing, damaged or not an object network.
        """
        read = [load_network(path) for path in paths] if paths else [load_shipped()]
        self.hashes = [sha256_of(path) for path in paths] if paths else [SHIPPED_SHA256]
        self._threads = threads
        self._networks = [(network.to(device()), _size_of(made)) for network, made in read]
        self._side = max(size for _, size in self._networks)

    def views(self, image: NDArray[np.uint8], boxes: NDArray[np.integer]) -> Views:
        """Look into the boxes of an image.

        Args:
            image: H×W×3 uint8 RGB.
            boxes: B×4 half-open pixel corners.
        """
        torch.set_num_threads(self._threads)  # for each call, since it holds for the calling thread alone
        none = np.empty((3, 0, self._side, self._side), np.uint8)
        blocks = [none, *(self._block(image, boxes[block]) for block in box_blocks(len(boxes)))]
        maps, *others = np.concatenate(blocks, axis=1)
        return Views(maps, tuple(others))

    def _block(self, image: NDArray[np.uint8], boxes: NDArray[np.integer]) -> NDArray[np.uint8]:
        """3×B×s×s: the maps, and those of the other views."""
        seen = [_seen(network, crops_of(image, boxes, size), size) for network, size in self._networks]
        straight, mirrored, nearer = np.mean([[_at_side(maps, self._side) for maps in each] for each in seen], axis=0)
        return np.stack([to_bytes(maps) for maps in ((straight + mirrored) / 2, mirrored, nearer)])


def _size_of(made: dict[str, Any]) -> int:
    return int(made["settings"]["size"])


def _at_side(maps: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """Maps of another size, for networks whose crops differ in size."""
    if maps.shape[-1] == side:
        return maps
    return np.stack([resized(each, side, side) for each in maps])


@torch.inference_mode()
def _seen(network: ObjectNet, crops: NDArray[np.uint8], size: int) -> NDArray[np.float32]:
    """3×B×s×s probabilities: by the crops, their mirror images, and nearer."""
    found = []
    margin, cut = margin_of(size), margin_of(size) // NEARER
    place = next(network.parameters()).device
    for start in range(0, len(crops), BATCH):
        pixels = torch.from_numpy(crops[start : start + BATCH]).permute(0, 3, 1, 2).float() / 255
        inputs = normalised(pixels).to(place, memory_format=torch.channels_last)
        straight, mirrored = torch.sigmoid(network(inputs)), torch.sigmoid(network(inputs.flip(3))).flip(2)
        inner = inputs[:, :, cut : crop_side(size) - cut, cut : crop_side(size) - cut]
        nearer = torch.sigmoid(network(_stretched(inner, crop_side(size))))
        nearer = _stretched(nearer[:, None], crop_side(size) - 2 * cut)[:, 0]
        maps = [_box_in(straight, margin, size), _box_in(mirrored, margin, size), _box_in(nearer, margin - cut, size)]
        found.append(torch.stack(maps).cpu().numpy())
    return np.concatenate(found, axis=1)


def _box_in(maps: Tensor, margin: int, size: int) -> Tensor:
    return maps[:, margin : margin + size, margin : margin + size]


def _stretched(values: Tensor, side: int) -> Tensor:
    return functional.interpolate(values, (side, side), mode="bilinear", align_corners=False)
