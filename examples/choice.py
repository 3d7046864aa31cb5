"""Why a box chose its candidate, and what it would have chosen by another weight of the network's opinion.

    python examples/choice.py                                    # after `make demo`
    python examples/choice.py results/voc_box/seed-0 2007_000032

Prints the best candidates of every box of an image by what they cost it, for a few values of λ, with their IoU with the
true mask of the box's class, where there is one.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

import boxsup
from boxsup.catalogue.tables import corners_of, read_catalogue
from boxsup.config.update import UpdateSettings
from boxsup.image.boxes import box_iou
from boxsup.image.files import read_image, read_mask
from boxsup.inference.scores import Predictor
from boxsup.labels.choice import choose
from boxsup.labels.costs import Candidates
from boxsup.proposals.pool_store import find_pool


def main() -> None:
    """Print a table of the best candidates of each box, by λ."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, nargs="?", default=Path("results/demo_semi/seed-0"))
    parser.add_argument("image", nargs="?", help="an image's id; by default the first with boxes")
    args = parser.parse_args()

    labels = boxsup.open_labels(sorted((args.run / "labels").glob("*.zarr"))[-1])
    catalogue = read_catalogue(labels.attributes["catalogue"])
    image = args.image or catalogue.boxes["image"].iloc[0]
    row = catalogue.images.set_index("image").loc[image]
    boxes, pool = catalogue.boxes_of(image), find_pool(labels.attributes["proposals"], image)
    corners, classes = corners_of(boxes), boxes["label"].to_numpy()

    # All that the choice looks at: the candidates as the boxes see them, and the network's scores of the boxes' labels.
    candidates = Candidates(
        pool.superpixels, pool.matrix().astype(np.float32), pool.boxes, corners, box_iou(corners, pool.boxes)
    )
    model = sorted((args.run / "epochs").glob("*/model.pt"))[-1]
    scores = Predictor(model, threads=1).log_probabilities(read_image(row["path"])).cpu().numpy()
    settings = UpdateSettings(**labels.attributes["settings"])

    truth = read_mask(row["mask"]) if row["mask"] else None
    rows = []
    for weight in (0.0, 0.5, 2.0):
        chosen = choose(
            candidates,
            scores[[0, *classes]],
            settings.changed(lambda_=weight),
            [np.random.default_rng(0) for _ in classes],
        )
        for number, (label, choice, box) in enumerate(zip(classes, chosen, corners, strict=True), start=1):
            for rank, candidate in enumerate(choice.best, start=1):
                costs = {"E_o": choice.overlap[rank - 1], "E_r": choice.regression[rank - 1]}
                found = {"expected IoU": choice.expected_iou[rank - 1]}
                if truth is not None:
                    found["IoU"] = iou_in_box(pool.mask(int(candidate)), truth == label, box)
                names = {"λ": weight, "box": f"{number} {catalogue.classes[label]}", "rank": rank}
                rows.append(names | {"candidate": candidate} | costs | found)
    print(f"{image}, asked of {model}:")
    print(pd.DataFrame(rows).to_string(index=False, float_format="%.3f"))


def iou_in_box(mask: np.ndarray, truth: np.ndarray, box: np.ndarray) -> float:
    """IoU of two H×W masks within a box, where a chosen segment ends."""
    x0, y0, x1, y1 = box
    a, b = mask[y0:y1, x0:x1], truth[y0:y1, x0:x1]
    return float((a & b).sum() / max((a | b).sum(), 1))


if __name__ == "__main__":
    main()
