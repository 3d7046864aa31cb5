"""How far exported ONNX files are from their networks on photographs: the greatest difference of a log-probability.

Every network of `config.yaml` and three of segmentation-models-pytorch, with random weights and statistics of the
photographs' own in their batch norms; beside it, how far float32 itself is from float64. Names as arguments: these
networks only.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from boxsup.image.files import read_image
from boxsup.inference.export import TOLERANCE, FullSize, export_program, run_onnx, write_onnx
from boxsup.network import build_network
from boxsup.network.bodies import FrozenBatchNorm2d
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
            if isinstance(layer, FrozenBatchNorm2d):
                layer.register_forward_pre_hook(observe)
        with torch.no_grad():
            network(torch.cat([image[:, :, :128, :128] for image in images]))
        for layer in network.modules():
            layer._forward_pre_hooks.clear()
        module = FullSize(network.eval()).eval()
        with tempfile.TemporaryDirectory() as folder, torch.inference_mode():
            path = Path(folder) / "model.onnx"
            write_onnx(export_program(module, None), path, FACTS)
            run = run_onnx(path)
            scores = [module(image).numpy() for image in images]
            worst = greatest_difference([run(image.numpy()) for image in images], scores)
            module.double()
            exact = [module(image.double()).numpy() for image in images]
        rounding = greatest_difference(scores, exact)
        print(f"{name}: {worst:.2g} of {TOLERANCE:g} allowed; torch itself, from float64: {rounding:.2g}", flush=True)


def observe(layer: FrozenBatchNorm2d, inputs: tuple[torch.Tensor]) -> None:
    """Take over the mean and the variance of what a layer is about to see."""
    for known, seen in ((layer.running_mean, torch.mean), (layer.running_var, torch.var)):
        known.copy_(seen(inputs[0], dim=(0, 2, 3)))


def greatest_difference(these: list[NDArray[Any]], those: list[NDArray[Any]]) -> float:
    """The greatest difference of two lists of arrays."""
    return max(float(np.abs(a - b).max()) for a, b in zip(these, those, strict=True))


if __name__ == "__main__":
    main()
