"""Settings of the update, and an image of six pixels whose costs are worked by hand."""

import numpy as np

from boxsup.config.update import UpdateSettings
from boxsup.labels.candidates import Candidates

PAPER = UpdateSettings(
    k=5,
    temperature=0.0,
    overlap="tight_box",
    leak=0.0,
    rank=0.0,
    lambda_=3.0,
    mu=0.0,
    regression="cross_entropy",
    overlap_norm="candidates",
    region="image",
    norm="none",
    centre=False,
    clamp=0.0,
    clip=False,
    overlapping="smallest",
    sharpen=False,
    fallback_iou=0.0,
    difficult="use",
)
CENTRED = PAPER.changed(
    lambda_=1.0,
    overlap_norm="none",
    region="box",
    norm="box",
    centre=True,
    clamp=5.0,
    clip=True,
    fallback_iou=0.5,
)
OURS = PAPER.changed(
    k=1,
    temperature=0.05,
    overlap="coverage",
    leak=1.5,
    lambda_=1.0,
    regression="agreement",
    clip=True,
    fallback_iou=0.4,
)

# Six pixels in a row, three superpixels of two, four candidates; the box holds the first four pixels.
SIX = Candidates(
    superpixels=np.array([[0, 0, 1, 1, 2, 2]]),
    members=np.array([[1, 0, 0], [1, 1, 0], [0, 1, 1], [1, 1, 1]], np.float32),
    tight=np.array([[0, 0, 2, 1], [0, 0, 4, 1], [2, 0, 6, 1], [0, 0, 6, 1]]),
    boxes=np.array([[0, 0, 4, 1]]),
    iou=np.array([[2 / 4, 4 / 4, 2 / 6, 4 / 6]]),
)
P_LABEL = np.array([[0.8, 0.8, 0.8, 0.5, 0.2, 0.2]])
SCORES = np.log(np.stack([1 - P_LABEL, P_LABEL]))
