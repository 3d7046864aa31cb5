"""A trained network on an image: three lines, then a picture and what is in it.

    python examples/segment.py                                   # after `make demo`
    python examples/segment.py results/voc_box/seed-0/epochs/045/model.pt photo.jpg

Writes `segment.png` and prints the share of the image that each class has.
"""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

import boxsup
from boxsup.image.files import read_image
from boxsup.image.palette import overlay


def main() -> None:
    """Segment an image with the CRF."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, nargs="?", help="by default the demo's last")
    parser.add_argument("image", type=Path, nargs="?", help="by default the demo's first of val")
    parser.add_argument("--out", type=Path, default=Path("segment.png"))
    args = parser.parse_args()
    image = args.image or Path("results/data/demo/tree/JPEGImages/val_0001.jpg")

    model = boxsup.load(args.model or sorted(Path("results/demo_semi/seed-0/epochs").glob("*/model.pt"))[-1])
    prediction = model.predict(image, crf=True)
    labels = prediction.labels  # H×W uint8

    Image.fromarray(overlay(read_image(image), labels)).save(args.out)
    for label, pixels in zip(*np.unique(labels, return_counts=True), strict=True):
        print(f"{prediction.names[label]:12s} {100 * pixels / labels.size:5.1f} %")
    print(args.out)


if __name__ == "__main__":
    main()
