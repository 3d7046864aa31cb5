#!/bin/sh
# The chain on a GPU, as one prepared script of minutes. IT HAS NOT RUN ON A GPU YET: no machine with one was at hand.
# Its parts have run on a CPU with a small network (`sh benchmarks/gpu.sh --cpu`), which proves that they start and
# print, and nothing about speed.
#
#     BOXSUP_DATA=/path/to/data sh benchmarks/gpu.sh            # a folder with voc-mini/VOC2012; some 10 minutes
#
# For VGG-16 (deeplab_4x4) and ResNet-101 (deeplab_v2_resnet101), batches of 20 crops of 321 px, it prints
#   images/s of `boxsup epoch`'s loop, of the same network fed from memory, and of torchvision's reference loop;
#   the share of the time in which the GPU works, and its memory, as nvidia-smi sees them each 200 ms;
#   seconds of `boxsup labels` that asks the network, and of predictions with the CRF, with the same two figures;
#   the same loop in two processes, with NCCL, where there are two GPUs;
# then what a core gives and an H100-class card would ask for (benchmarks/feeding.py). To be compared by hand until a
# first run says which wins, and so not switched here: channels_last, pinned memory, the update's
# product on the GPU.
set -eu
cd "$(dirname "$0")/.."
PYTHON=${PYTHON:-.venv/bin/python}
OUT=${OUT:-$(mktemp -d)}
CORES=$("$PYTHON" -c "from boxsup.machine.processors import processors; print(processors())")
NETWORKS="deeplab_4x4 deeplab_v2_resnet101" IMAGES=200 BATCH=20 CROP=321 ROUNDS=3 WORKERS=$CORES
if [ "${1:-}" = --cpu ]; then
    NETWORKS=mobilenet_v2 IMAGES=8 BATCH=4 CROP=65 ROUNDS=1 WORKERS=0
elif ! command -v nvidia-smi > /dev/null; then
    echo "gpu.sh: no nvidia-smi: this machine has no GPU; --cpu checks the script itself" >&2
    exit 1
fi

# Runs a command, and says for how long, and what nvidia-smi saw meanwhile: mean use, most memory.
watched() {
    echo "== $*"
    watcher=
    if command -v nvidia-smi > /dev/null; then
        nvidia-smi --query-gpu=utilization.gpu,memory.used --format=csv,noheader,nounits -lms 200 > "$OUT/use.csv" &
        watcher=$!
    fi
    start=$(date +%s)
    status=0
    "$@" || status=$?
    echo "   $(($(date +%s) - start)) s"
    if [ -n "$watcher" ]; then
        kill "$watcher"
        awk -F', *' '{ sum += $1; if ($2 > most) most = $2 }
            END { if (NR) printf "   GPU at work %.0f %% of the time, at most %d MiB\n", sum / NR, most }' "$OUT/use.csv"
    fi
    return "$status"
}

nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader 2> /dev/null || echo "no GPU"
"$PYTHON" -c "import torch; print('torch', torch.__version__, 'CUDA', torch.version.cuda, 'cuDNN', torch.backends.cudnn.version())"
for network in $NETWORKS; do
    watched "$PYTHON" benchmarks/training.py --network "$network" --images "$IMAGES" --batch "$BATCH" --crop "$CROP" \
        --rounds "$ROUNDS" --workers "$WORKERS" --threads 1
    watched "$PYTHON" benchmarks/gpu_stages.py --network "$network" --images "$IMAGES" --batch "$BATCH" --crop "$CROP" \
        --workers "$CORES" --gpus 1
done
if [ "$(nvidia-smi --list-gpus 2> /dev/null | wc -l)" -ge 2 ]; then
    for network in $NETWORKS; do
        watched "$PYTHON" benchmarks/gpu_stages.py --network "$network" --images "$IMAGES" --batch "$BATCH" \
            --crop "$CROP" --workers "$CORES" --gpus 2
    done
fi
watched "$PYTHON" benchmarks/feeding.py --images 16
