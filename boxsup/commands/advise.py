"""`boxsup advise`: whether the next hour of labelling should go into boxes, masks or reviews, by a few scores."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence

import numpy as np

from boxsup.errors import ConfigError
from boxsup.evaluation.growth import Growth, Offer, Size, best, fit, offers

EXAMPLE = "boxsup advise --boxes 240=42.3,42.4,43.1 635=49.4 --masks 240=43.4,43.9,44.1 635=50.5 --objects 3.3"

# Seconds for an object that were published, the fastest and the slowest; docs/advice.md has the sources.
PUBLISHED = {"boxes": (7.0, 35.0), "masks": (54.0, 79.0)}
LOW, HIGH = 10, 90  # per cent of the draws: what is printed


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    text = "numbers of training images with boxes, and the mean IoU that the runs reached, in per cent"
    metavar = "IMAGES=MIOU[,MIOU]"
    parser.add_argument("--boxes", nargs="+", required=True, metavar=metavar, help=text)
    parser.add_argument("--masks", nargs="+", default=[], metavar=metavar, help="the same with true masks")
    parser.add_argument("--objects", type=float, required=True, metavar="N", help="objects in an image, on average")
    for kind, (fast, slow) in PUBLISHED.items():
        text = f"your seconds for one of them [{fast:.0f} to {slow:.0f}, as published]"
        parser.add_argument(f"--{kind[:-1] if kind == 'masks' else 'box'}-seconds", type=float, metavar="S", help=text)
    text = "your seconds for a box in `boxsup review`; without them reviews are left out, since nobody published any"
    parser.add_argument("--review-seconds", type=float, metavar="S", help=text)


def run(
    *,
    boxes: Sequence[str],
    masks: Sequence[str],
    objects: float,
    box_seconds: float | None,
    mask_seconds: float | None,
    review_seconds: float | None,
) -> None:
    """Print what an hour of each kind of labelling brings, how sure that is, and which is the best if one surely is."""
    asked = {"--objects": objects, "--box-seconds": box_seconds, "--mask-seconds": mask_seconds}
    for name, value in (asked | {"--review-seconds": review_seconds}).items():
        if value is not None and not value > 0:
            raise ConfigError(f"{name} {value:g}: expected a number above 0")
    sizes = [_size(text, "--boxes") for text in boxes]
    growths = fit(sizes, [_size(text, "--masks") for text in masks])
    own = {"boxes": box_seconds, "masks": mask_seconds, "reviews": review_seconds}
    seconds = [
        (kind, objects * each)
        for kind, value in own.items()
        for each in ((value,) if value is not None else PUBLISHED.get(kind, ()))
    ]
    images = max(size.images for size in sizes)
    found = offers(growths, images, seconds)
    print(f"{images:,} images have boxes. An hour more, by the law of growth that fits your scores:")
    for offer in found:
        print(_line(offer))
    print(_advice(found, growths))
    if len({size.images for size in sizes}) == 2:
        print("Two sizes fit any law: a third would tell whether scores follow this one.")


def _size(text: str, name: str) -> Size:
    match = re.fullmatch(r"(\d+)=([\d.]+(?:,[\d.]+)*)", text, re.ASCII)
    scores = [float(score) / 100 for score in match[2].split(",")] if match and _numbers(match[2]) else []
    if not match or not scores or int(match[1]) < 1 or not all(0 < score < 1 for score in scores):
        raise ConfigError(f"{name} {text}: expected IMAGES=MIOU in per cent, for instance 240=42.4 or 240=42.1,42.9")
    return Size(int(match[1]), tuple(scores))


def _numbers(text: str) -> bool:
    return all(re.fullmatch(r"\d+(\.\d+)?", part, re.ASCII) for part in text.split(","))


def _line(offer: Offer) -> str:
    low, middle, high = 100 * np.percentile(offer.gain, [LOW, 50, HIGH])
    return (
        f"  {offer.kind:8} {offer.seconds:6.0f} s an image, {offer.images:6.0f} images: "
        f"{middle:+.2f} points of mean IoU ({low:+.2f} to {high:+.2f})"
    )


def _advice(found: Sequence[Offer], growths: tuple[Growth, Growth | None]) -> str:
    """What follows, in a sentence."""
    if growths[1] is None:
        return "Give scores of one run with masks (--masks), to compare boxes with masks and reviews."
    kind = best(found)
    if kind:
        return f"Most comes from {kind}, even if they take the longest time given and the others the shortest."
    return (
        "The scores do not tell which is the best. More seeds or a third size narrow the ranges; your own seconds "
        "(--box-seconds, --mask-seconds, --review-seconds) leave one line of each kind."
    )
