"""What goes with exported weights: what is needed to use them, and the folder that Hugging Face's hub takes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from boxsup.inference.labelling import Labelling
from boxsup.network.checkpoint import Checkpoint, plain_content
from boxsup.network.weights_file import SHA256, write_weights
from boxsup.store.atomic import write_text
from boxsup.store.checksums import sha256_of

WEIGHTS, CONFIG, CARD = "model.safetensors", "config.json", "README.md"  # the files of the hub's folder


def describe_weights(checkpoint: Checkpoint, labelling: Labelling, made: Mapping[str, Any]) -> dict[str, Any]:
    """All that `boxsup.load` needs beside the weights, and where they come from, as JSON values.

    Args:
        checkpoint: The network.
        labelling: How its run labels images.
        made: `checkpoint`, the hash of the checkpoint, and `versions`.
    """
    return {**plain_content(checkpoint), "labelling": labelling.model_dump(mode="json"), **made}


def write_weights_with_facts(path: Path, checkpoint: Checkpoint, facts: Mapping[str, Any], beside: Path) -> None:
    """Write the weights with the facts in their header, and the same facts with the file's hash as JSON beside it."""
    write_weights(path, checkpoint.model.state_dict(), facts)
    write_text(beside, json.dumps({**facts, SHA256: sha256_of(path)}, indent=2, ensure_ascii=False) + "\n")


def write_hub_folder(folder: Path, checkpoint: Checkpoint, facts: Mapping[str, Any], card: str) -> None:
    """Write the folder: weights, `config.json` with the hub's names for classes beside our facts, and the card."""
    names = {str(label): name for label, name in enumerate(checkpoint.classes)}
    config = {
        "model_type": "boxsup",
        "architectures": [checkpoint.network],
        "id2label": names,
        "label2id": {name: int(label) for label, name in names.items()},
    }
    write_text(folder / CARD, card)
    write_weights_with_facts(folder / WEIGHTS, checkpoint, {**config, **facts}, folder / CONFIG)
