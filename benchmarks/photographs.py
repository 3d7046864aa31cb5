"""The photographs that the benchmarks and `make experiments` use, from your copy of VOC 2012 and SBD's masks.

    python benchmarks/photographs.py --voc VOCdevkit/VOC2012 --out DATA
    export BOXSUP_DATA=DATA

makes the trees `DATA/voc-mini/VOC2012` and, where `--voc` has SBD's masks as `SegmentationClassAug`,
`DATA/voc-2k/VOC2012`: links to the folders of VOC, and the lists of ids in `benchmarks/photographs/`. Figures will
differ a little from those in docs/, for which the photographs of voc-2k were compressed again (JPEG, quality 78), and
masks of single objects were derived from class masks and boxes.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

LISTS = Path(__file__).with_name("photographs")
MASKS = {"voc-mini": ("SegmentationClass", "SegmentationObject"), "voc-2k": ("SegmentationClassAug",)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--voc", type=Path, required=True, help="VOC 2012's folder, with JPEGImages and Annotations")
    parser.add_argument("--out", type=Path, required=True, help="folder for the trees")
    args = parser.parse_args()
    for name, masks in MASKS.items():
        folders = [args.voc.resolve() / folder for folder in ("JPEGImages", "Annotations", *masks)]
        if missing := [folder for folder in folders if not folder.is_dir()]:
            print(f"{name}: not made, since {missing[0]} is not there")
            continue
        tree = args.out / name / "VOC2012"
        lists = tree / "ImageSets/Segmentation"
        lists.mkdir(parents=True)
        for folder in folders:
            (tree / folder.name).symlink_to(folder)
        for path in sorted((LISTS / name).glob("*.txt")):
            shutil.copy(path, lists)
        print(f"{name}: {tree}")


if __name__ == "__main__":
    main()
