"""How far exported ONNX files are from their networks on photographs: the greatest difference of a log-probability.

Every network of `config.yaml` and three of segmentation-models-pytorch, with random weights and statistics of the
photographs' own in their batch norms. Names as arguments: these networks only.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from torch import nn

from boxsup.image.files import read_image
from boxsup.inference.export import TOLERANCE, FullSize, export_program, run_onnx, write_onnx
from boxsup.network import build_network
from boxsup.network.images import IMAGENET, normalise

OURS = (
    "fcn32s", "fcn16s", "fcn8s", "deeplab_4x4", "deeplab_largefov", "deeplab_v2_resnet101", "mobilenet_v2",
    "mobilenet_v2_8s",
)  # fmt: skip
SMP = ("smp:deeplabv3plus:resnet18:16", "smp:unet:tu-mobilenetv3_small_050:16", "smp:fpn:mobilenet_v2:16")
FACTS = (
    '{"network": "", "epoch": 0, "classes": [], "input": {"shape": []}, "output": {"name": "log_probabilities"}, '
    '"versions": {"boxsup": ""}}'
)
ROOT = Path(__file__).resolve().parents[1]
SIDES = 160, 224  # px, of the part of each photograph


def main() -> None:
    """Print one line for each network."""
    data = Path(os.environ.get("BOXSUP_DATA", ROOT.parent / "shared" / "data")) / "voc-mini/VOC2012/JPEGImages"
    photographs = [read_image(path)[: SIDES[0], : SIDES[1]] for path in sorted(data.glob("*.jpg"))[:3]]
    images = [normalise(np.ascontiguousarray(pixels), IMAGENET)[None] for pixels in photographs]
    if not images:
        print(f"skipped: no photographs at {data}; set BOXSUP_DATA to a folder with voc-mini/VOC2012")
        return
    for name in sys.argv[1:] or (*OURS, *SMP):
        torch.manual_seed(0)
        network = build_network(name, 21).train()
        for layer in network.modules():
            if isinstance(layer, nn.BatchNorm2d):
                layer.momentum = None  # the mean over what it sees
        with torch.no_grad():
            network(torch.cat([image[:, :, :128, :128] for image in images]))
        module = FullSize(network.eval()).eval()
        with tempfile.TemporaryDirectory() as folder, torch.inference_mode():
            path = Path(folder) / "model.onnx"
            write_onnx(export_program(module, None), path, FACTS)
            run = run_onnx(path)
            worst = max(float(np.abs(run(image.numpy()) - module(image).numpy()).max()) for image in images)
        print(f"{name}: {worst:.2g} of {TOLERANCE:g} allowed", flush=True)


if __name__ == "__main__":
    main()
