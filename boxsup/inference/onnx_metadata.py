"""What other programs look for in an ONNX file's metadata: readers of Ultralytics' files, and QGIS Deepness.

Ultralytics (`AutoBackend`) evaluates Python literals; Deepness reads JSON
(https://qgis-plugin-deepness.readthedocs.io/en/latest/creators/creators_add_metadata_to_model.html).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

OVERLAP = 15  # % of a tile that Deepness lets neighbours share
TASK = "semantic"  # Ultralytics' `segment` finds single objects, which this network does not


def onnx_metadata(facts: Mapping[str, Any]) -> dict[str, str]:
    """The metadata of an ONNX file.

    Args:
        facts: See `boxsup.inference.export.describe_export`. With `resolution`, in cm per pixel, there is what Deepness
            looks for, too.

    Returns:
        Key -> text: Ultralytics' `names`, `task`, `imgsz`, `stride`, `batch`, `channels`, `description`, `author` and
        `version`; Deepness' `model_type`, `class_names`, `resolution` and so on.
    """
    names, shape = dict(enumerate(facts["classes"])), facts["input"]["shape"]
    sides = [side for side in shape[2:] if isinstance(side, int)]
    metadata = {
        "description": f"boxsup {facts['network']}, epoch {facts['epoch']}",
        "author": "boxsup",
        "version": str(facts["versions"]["boxsup"]),
        "task": TASK,
        "names": repr(names),
        "channels": "3",
        "batch": "1",
        "stride": "1",  # of the output, which has the size of the image
        **({"imgsz": repr(sides)} if sides else {}),
    }
    if "resolution" not in facts:
        return metadata
    mean, std = (facts["normalisation"][key] for key in ("mean", "std"))
    deepness = {
        "model_type": "Segmentor",
        "class_names": names,
        "resolution": facts["resolution"],
        "tiles_size": sides[0],
        "tile_size": sides[0],  # which some versions of the plugin read
        "tiles_overlap": OVERLAP,
        "standardization_mean": mean,
        "standardization_std": std,
        "seg_thresh": 0.0,  # the most likely class, however likely it is
        "seg_small_segment": 0,
    }
    return metadata | {key: json.dumps(value, ensure_ascii=False) for key, value in deepness.items()}
