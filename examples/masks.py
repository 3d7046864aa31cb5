"""Masks for boxes in three lines, then a picture: boxes and masks, and the best candidates of the least sure box.

    python examples/masks.py                                          # on a picture that is drawn
    python examples/masks.py photo.jpg --box 48 30 210 300 --box 250 40 400 310

Writes `masks.png` and prints what is known of each mask. Nothing is trained.
"""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

import boxsup
from boxsup.demo.shapes import draw_picture

CLASSES = ("background", "crescent", "star", "branch")


def main() -> None:
    """Make masks and show them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("image", type=Path, nargs="?", help="by default a picture that is drawn, with its boxes")
    parser.add_argument("--box", type=float, nargs=4, action="append", metavar=("X0", "Y0", "X1", "Y1"), default=[])
    parser.add_argument("--out", type=Path, default=Path("masks.png"))
    args = parser.parse_args()
    image, boxes, labels = args.image, args.box, None
    if image is None:
        drawn = draw_picture(0, "example", 1, 320, CLASSES)
        image, boxes = drawn.image, [item.box for item in drawn.objects]
        labels = [CLASSES[item.class_id] for item in drawn.objects]

    masker = boxsup.Masker()
    masks = masker(image, boxes, labels)
    print(masks)

    gap = np.full((len(masks.image), 8, 3), 255, np.uint8)
    shown = [masks.image, gap, masks.overlay()]
    for candidate in min(masks, key=lambda item: item.score).candidates[:3]:
        shown += [gap, np.where(candidate.mask[..., None], masks.image, np.uint8(255))]
    Image.fromarray(np.concatenate(shown, axis=1)).save(args.out)
    print(args.out)


if __name__ == "__main__":
    main()
