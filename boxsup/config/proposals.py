"""The settings of proposal methods, which make the candidate segments of a data set once for all experiments."""

from __future__ import annotations

from pathlib import PurePath
from typing import Annotated, Literal

from pydantic import (
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    StringConstraints,
    ValidationInfo,
    field_validator,
)

from boxsup.config.fields import DistinctValues, Settings, Several, setting

MEGAPIXELS = 0.31  # more than the 640×480 of most of COCO, and than the 500×375 of VOC
PLACEHOLDER = "{image}"  # stands for the id of an image in a path

ColourSpace = Literal["hsv", "lab", "rgi", "h", "i"]
Similarities = Annotated[str, StringConstraints(min_length=1, pattern="^C?T?S?F?$")]
Contours = Literal["network", "gradient"]
CONTOURS = "the contour detector: network, trained on BSDS500 | gradient, not trained"
SUPERPIXELS = "greatest number of superpixels, which are the finest partition of the contours"


class ProposalSettings(Settings):
    """The settings of all proposal methods."""

    method: str = setting(meaning="the method")
    min_area: float = setting(meaning="least share of the image that a candidate covers", ge=0, lt=1)
    max_area: float = setting(
        meaning="greatest share of the image that a candidate covers; above `min_area`", gt=0, le=1
    )
    nms: float = setting(meaning="a candidate is dropped if its IoU with a better-ranked one is above this", gt=0, le=1)
    max_candidates: PositiveInt = setting(meaning="greatest number of candidates per image", paper="~2,000, of MCG")
    seed: NonNegativeInt = setting(meaning="seed of the random part of the ranks")

    @field_validator("max_area")
    @classmethod
    def _above_min_area(cls, value: float, info: ValidationInfo) -> float:
        if value <= info.data.get("min_area", 0):
            raise ValueError("a share of the image above min_area")
        return value


class ViewSettings(Settings):
    """Views of small boxes, cut out of the image with a margin and scaled, in which candidates are found too."""

    below: PositiveFloat = setting(
        meaning="px, of the image as it is reduced: boxes whose longer side is below this get a view"
    )
    side: PositiveFloat = setting(meaning="px: about the longer side of such a box in its view")
    margin: NonNegativeFloat = setting(meaning="margin on each side, as a share of the box")
    together: PositiveFloat = setting(
        meaning="boxes of like size share a view if they lie within about so many times their size"
    )
    fit: float = setting(meaning="least IoU of a candidate's tight box with a box of its view", ge=0, le=1)
    candidates: PositiveInt = setting(
        meaning="greatest number of candidates that all views of an image add; each may add one"
    )
    most: PositiveInt = setting(meaning="greatest number of views; where boxes ask for more, more boxes share a view")


class ComputedSettings(ProposalSettings):
    """The settings of the methods that look at the image."""

    megapixels: PositiveFloat = setting(
        MEGAPIXELS,
        "an image with more is reduced to this before candidates are found, whose borders are then carried to its size",
        late=True,
    )
    views: ViewSettings | None = setting(None, "views of small boxes; null for none", late=True)


class SelectiveSearchSettings(ComputedSettings):
    """Selective Search (Uijlings et al., IJCV 2013)."""

    method: Literal["selective_search"]
    colour_spaces: Several[ColourSpace] = setting(meaning="colour spaces of the segmentations", min_length=1)
    similarities: Several[Similarities] = setting(
        meaning="sums of colour (C), texture (T), size (S) and fill (F) by which regions merge", min_length=1
    )
    scales: Several[PositiveInt] = setting(
        meaning="k of the Felzenszwalb segmentations; also the least size of their segments", min_length=1
    )
    min_region: PositiveInt = setting(
        meaning="px: smaller pieces of the segmentations' common refinement join a neighbour"
    )


class Transforms(Settings):
    """Geodesic distance transforms, whose level sets are candidates."""

    power: PositiveInt = setting(meaning="a step costs (contour + colour)^power + floor")
    floor: PositiveFloat = setting(meaning="least cost of a step")
    colour: NonNegativeFloat = setting(
        meaning="weight of the distance between mean Lab colours, relative to the contour"
    )
    seeds: PositiveInt = setting(meaning="number of superpixels that distances are measured from")
    levels: PositiveInt = setting(meaning="greatest number of level sets per seed and background")
    backgrounds: DistinctValues[Literal["none", "border"]] = setting(
        meaning="none: distances from the seed | border: these minus the distance from the image's border", min_length=1
    )


class SimilarityTree(Settings):
    """A hierarchy that merges the most similar regions first."""

    space: ColourSpace = setting(meaning="the colour space")
    similarities: Similarities = setting(meaning="the sum of colour (C), texture (T), size (S) and fill (F)")
    contour: NonNegativeFloat = setting(meaning="how much a contour between two regions lowers their similarity")


class McgSettings(ComputedSettings):
    """Combinatorial grouping after Pont-Tuset et al. (PAMI 2017)."""

    method: Literal["mcg"]
    contours: Contours = setting(meaning=CONTOURS)
    scales: Several[PositiveFloat] = setting(meaning="scales of the image, whose contours are averaged", min_length=1)
    superpixels: PositiveInt = setting(meaning=SUPERPIXELS, le=65535)
    leaves: PositiveInt = setting(
        meaning="number of regions that each hierarchy is cut to; combinations are made of them and their unions"
    )
    contour_trees: Several[NonNegativeFloat] = setting(
        meaning="hierarchies that merge across the weakest contour first; each number is the blur of its contours, px"
    )
    similarity_trees: Several[SimilarityTree] = setting(
        meaning="hierarchies that merge the most similar regions first; at least one if there are no `contour_trees`"
    )
    combinations: Several[NonNegativeInt] = setting(
        meaning="greatest numbers of singles (above 0), pairs, triplets and quadruples of each hierarchy",
        min_length=4,
        max_length=4,
    )
    transforms: Several[Transforms] = setting(meaning="distance transforms; their level sets join the combinations")
    diverse: float = setting(
        meaning="candidates come first if their IoU with every earlier candidate is at most this", gt=0, le=1
    )

    @field_validator("similarity_trees")
    @classmethod
    def _some_tree(cls, value: tuple[SimilarityTree, ...], info: ValidationInfo) -> tuple[SimilarityTree, ...]:
        if not value and not info.data.get("contour_trees", (0,)):
            raise ValueError("one or more trees where contour_trees has none")
        return value

    @field_validator("combinations")
    @classmethod
    def _some_singles(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if not value[0]:
            raise ValueError("4 numbers: of singles (above 0), pairs, triplets and quadruples")
        return value


class GeodesicSettings(ComputedSettings):
    """Geodesic object proposals (Krähenbühl & Koltun, ECCV 2014), without learned seeds and backgrounds."""

    method: Literal["geodesic"]
    contours: Contours = setting(meaning=CONTOURS)
    superpixels: PositiveInt = setting(meaning=SUPERPIXELS, le=65535)
    transforms: Transforms = setting(meaning="the distance transforms")


class ImportedSettings(ProposalSettings):
    """Candidates that another tool made, unchanged; docs/proposals.md says which files are read."""

    method: Literal["imported"]
    files: str = setting(
        meaning="a .mat or .json per image, with {image} for its id, or one .json of COCO results for all images"
    )
    images: str = setting(meaning='for COCO results, a JSON with the number of each image | "", if numbers are ids')

    @field_validator("files")
    @classmethod
    def _of_one_or_all(cls, value: str) -> str:
        suffix = PurePath(value).suffix
        if not (suffix == ".json" or (suffix == ".mat" and PLACEHOLDER in value)):
            raise ValueError(f"one .json for all images, or the .mat or .json of each with {PLACEHOLDER} for its id")
        return value

    @field_validator("images")
    @classmethod
    def _of_all(cls, value: str, info: ValidationInfo) -> str:
        if value and PLACEHOLDER in info.data.get("files", ""):
            raise ValueError(f"nothing where files has {PLACEHOLDER}")
        return value


AnyProposals = Annotated[
    McgSettings | GeodesicSettings | SelectiveSearchSettings | ImportedSettings, Field(discriminator="method")
]
