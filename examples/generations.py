"""What each epoch was trained on: an image's pseudo-masks by generation, side by side.

    python examples/generations.py                                    # after `make demo`
    python examples/generations.py results/voc_box/seed-0 2007_000032

Writes `generations.png`.
"""

import argparse
from pathlib import Path

from matplotlib import pyplot as plt

import boxsup
from boxsup.catalogue.tables import corners_of, read_catalogue
from boxsup.image.files import read_image
from boxsup.image.palette import overlay


def main() -> None:
    """Draw an image with its boxes, then its labels in every generation."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, nargs="?", default=Path("results/demo_semi/seed-0"))
    parser.add_argument("image", nargs="?", help="an image's id; by default the first with boxes")
    parser.add_argument("--out", type=Path, default=Path("generations.png"))
    args = parser.parse_args()

    generations = [boxsup.open_labels(path) for path in sorted((args.run / "labels").glob("*.zarr"))]
    catalogue = read_catalogue(generations[0].attributes["catalogue"])
    image = args.image or catalogue.boxes["image"].iloc[0]
    row = catalogue.images.set_index("image").loc[image]
    pixels = read_image(row["path"])

    figure, axes = plt.subplots(
        1, 1 + len(generations), figsize=(2.5 * (1 + len(generations)), 3), layout="constrained"
    )
    axes[0].imshow(pixels)
    axes[0].set_title("boxes")
    for x0, y0, x1, y1 in corners_of(catalogue.boxes_of(image)):
        axes[0].add_patch(plt.Rectangle((x0 - 0.5, y0 - 0.5), x1 - x0, y1 - y0, fill=False, edgecolor="red"))
    for axis, labels in zip(axes[1:], generations, strict=True):
        axis.imshow(overlay(pixels, labels[image]))
        axis.set_title(f"generation {labels.attributes['generation']}")
    for axis in axes:
        axis.axis("off")
    figure.savefig(args.out, dpi=120)
    print(args.out)


if __name__ == "__main__":
    main()
