"""Writes masks as Label Studio's tasks with predictions, for a person to correct: brushes as runs, with scores.

The runs are those of the package rle-pack, by which Label Studio's brush reads the four bytes of each pixel: 32 bits
with the number of bytes, 5 with the size of a word less 1, four times 4 with the sizes of counts less 1; then for each
run a bit 1, two bits that name the size of its count, the count less 1, and the byte.
"""

from __future__ import annotations

import html
import urllib.parse
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boxsup.writers.objects import MaskedObject, worst_first

COUNTS = (3, 4, 8, 16)  # bits of counts
BRUSH, IMAGE = "brush", "image"  # names of the controls in the labelling configuration
CHANNELS = 4
Json = dict[str, Any]


def runs(mask: NDArray[np.bool_]) -> list[int]:
    """The runs of an H×W mask, as the bytes of `value.rle`.

    >>> runs(np.array([[True, False]]))
    [0, 0, 0, 8, 57, 27, 252, 127, 241, 128, 0]
    """
    flat = mask.ravel()
    starts = np.flatnonzero(np.concatenate(([True], flat[1:] != flat[:-1])))
    lengths = CHANNELS * np.diff(np.append(starts, flat.size))
    head = f"{CHANNELS * flat.size:032b}{8 - 1:05b}" + "".join(f"{size - 1:04b}" for size in COUNTS)
    bits = [head, *(_run(int(length), bool(flat[start])) for start, length in zip(starts, lengths, strict=True))]
    text = "".join(bits)
    text += "0" * (8 - len(text) % 8)  # a whole byte of them where none is needed, as Label Studio's converter has it
    return np.packbits(np.frombuffer(text.encode(), np.uint8) - ord("0")).tolist()


def task(file: str, height: int, width: int, objects: Sequence[MaskedObject], classes: Sequence[str]) -> Json:
    """The task of an image: one prediction whose results are its masks, the worst first, and whose score is the worst.

    Args:
        file: Path of the image below the folder that Label Studio serves (LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT).
        height: Height of the image in pixels.
        width: Width of the image in pixels.
        objects: The objects of the image.
        classes: Class names, the background first.
    """
    ordered = worst_first(objects)
    results = [_result(index, item, classes, height, width) for index, item in enumerate(ordered, start=1)]
    prediction: Json = {"model_version": "boxsup", "result": results}
    scores = [item.score for item in ordered if item.score is not None]
    if scores:
        prediction["score"] = min(scores)
    return {"data": {"image": f"/data/local-files/?d={urllib.parse.quote(file)}"}, "predictions": [prediction]}


def labelling(classes: Sequence[str], colours: Sequence[str]) -> str:
    """The labelling configuration of the project, XML.

    Args:
        classes: Class names, the background first.
        colours: Colours in CSS, one per class.
    """
    labels = "".join(
        f'    <Label value="{html.escape(name)}" background="{colour}"/>\n'
        for name, colour in list(zip(classes, colours, strict=True))[1:]
    )
    image = f'  <Image name="{IMAGE}" value="$image" zoom="true"/>\n'
    return f'<View>\n{image}  <BrushLabels name="{BRUSH}" toName="{IMAGE}">\n{labels}  </BrushLabels>\n</View>\n'


def _result(number: int, item: MaskedObject, classes: Sequence[str], height: int, width: int) -> Json:
    value = {"format": "rle", "rle": runs(item.pixels), "brushlabels": [classes[item.class_id]]}
    result: Json = {"id": f"box-{item.number or number}", "type": "brushlabels", "from_name": BRUSH, "to_name": IMAGE}
    result |= {"original_width": width, "original_height": height, "image_rotation": 0, "value": value}
    return result if item.score is None else result | {"score": float(item.score)}


def _run(length: int, value: bool) -> str:
    """The bits of a run of bytes; a long one is cut in parts."""
    byte, parts, longest = ("1" if value else "0") * 8, [], 2 ** COUNTS[-1]
    while length > longest:
        parts.append(f"111{longest - 1:016b}{byte}")
        length -= longest
    index = next(index for index, size in enumerate(COUNTS) if length <= 2**size)
    return "".join([*parts, f"1{index:02b}{length - 1:0{COUNTS[index]}b}{byte}"])
