"""What each epoch was trained on: the pseudo-masks of images by generation, side by side, and the true masks.

    python examples/generations.py                                    # after `make demo`
    python examples/generations.py results/voc_box/seed-0 2007_000032 2007_000063 --ends

Writes `generations.png`, a row for each image.
"""

import argparse
from pathlib import Path

from matplotlib import pyplot as plt

import boxsup
from boxsup.catalogue.tables import corners_of, read_catalogue
from boxsup.image.files import read_image, read_mask
from boxsup.image.palette import overlay


def main() -> None:
    """Draw images with their boxes, then their labels in every generation, then their true masks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, nargs="?", default=Path("results/demo_semi/seed-0"))
    parser.add_argument("images", nargs="*", metavar="image", help="images' ids; by default the first with boxes")
    parser.add_argument("--ends", action="store_true", help="show the first and the last generation only")
    parser.add_argument("--out", type=Path, default=Path("generations.png"))
    args = parser.parse_args()

    generations = [boxsup.open_labels(path) for path in sorted((args.run / "labels").glob("*.zarr"))]
    shown = generations[:: max(1, len(generations) - 1)] if args.ends else generations
    catalogue = read_catalogue(generations[0].attributes["catalogue"])
    images = args.images or [catalogue.boxes["image"].iloc[0]]
    rows = catalogue.images.set_index("image")
    columns = 2 + len(shown)

    figure, axes = plt.subplots(
        len(images), columns, figsize=(2.5 * columns, 2.4 * len(images) + 0.4), layout="constrained", squeeze=False
    )
    for image, line in zip(images, axes, strict=True):
        pixels = read_image(rows.loc[image, "path"])
        line[0].imshow(pixels)
        for x0, y0, x1, y1 in corners_of(catalogue.boxes_of(image)):
            line[0].add_patch(plt.Rectangle((x0 - 0.5, y0 - 0.5), x1 - x0, y1 - y0, fill=False, edgecolor="red"))
        for axis, labels in zip(line[1:], shown, strict=False):
            axis.imshow(overlay(pixels, labels[image]))
        if rows.loc[image, "mask"]:
            line[-1].imshow(overlay(pixels, read_mask(rows.loc[image, "mask"])))
    titles = ["boxes", *(f"generation {labels.attributes['generation']}" for labels in shown), "true masks"]
    for axis, title in zip(axes[0], titles, strict=True):
        axis.set_title(title)
    for axis in axes.flat:
        axis.axis("off")
    figure.savefig(args.out, dpi=120)
    print(args.out)


if __name__ == "__main__":
    main()
