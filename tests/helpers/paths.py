"""Where the project and the real photographs are."""

import os
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Real photographs stay outside the project; set BOXSUP_DATA to a folder that holds `voc-mini/VOC2012`.
DATA = Path(os.environ.get("BOXSUP_DATA", ROOT.parent / "shared" / "data"))
