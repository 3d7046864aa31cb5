"""The settings of data sets: where the files of each format are, and how they are split."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

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

from boxsup.config.fields import (
    DistinctValues,
    Name,
    Settings,
    Several,
    SomeDistinct,
    Text,
    optional,
    setting,
    variants,
)
from boxsup.config.proposals import MEGAPIXELS

# How annotations count pixels. "" means as "voc" does, and that a file which shows that it counts from 0 is a problem.
CornerConvention = Literal["", "voc", "plane"]

MOST_RADIUS = 0.45  # of an object, as a share of the picture's side: most of it must be in the picture
MOST_OBJECTS = 100  # in a generated picture; with a companion each, masks can still number them
LINKS = "whether symbolic links may lead out of the root, or of a folder that an absolute path names"
CORNERS = (
    "how annotations count: voc, pixels from 1, the last one included | plane, borders from 0; if it is left out, as "
    "voc, and a file that shows that it counts from 0 is a problem"
)

OTHER_CLASSES = (
    "what an object is whose class is none of `classes`: a problem, since its name may be mistyped | background, as it "
    "always is in COCO's JSON and YOLO's labels"
)


class SbdSplit(Settings):
    """A split of SBD."""

    list: Text = setting(meaning="the name of the image list: train, val, or a list of your own beside them")
    links: bool = optional(False, LINKS)


class VocSplit(Settings):
    """A split of a tree in VOC layout."""

    list: Text = setting(meaning="the image list in ImageSets/Segmentation, or in ImageSets with its folder")
    masks: Text = setting(meaning="the folder of true masks to look in first | none, for unannotated images")
    links: bool = optional(False, LINKS)
    corners: Literal["voc", "plane"] = optional("", CORNERS)


class FolderSplit(Settings):
    """A split of a folder of images. Paths are below the root of the data set, or absolute."""

    images: Text = setting(meaning="the folder of images")
    annotations: Text = setting(meaning="the folder of annotations, or COCO's JSON")
    masks: Text = setting(meaning="true masks: none | annotations, to draw them from these | a folder of PNGs")
    list: str = optional("", "a text file that names images below their folder, one per line; without it, all images")
    links: bool = optional(False, LINKS)
    ids: Literal["name", "path"] = optional(
        "name", "what an image's id is made of: the name of its file, or its path below `images`"
    )


class VocXmlSplit(FolderSplit):
    """A split of images with VOC's XML."""

    corners: Literal["voc", "plane"] = optional("", CORNERS)
    other_classes: Literal["problem", "background"] = optional("problem", OTHER_CLASSES)


class LabelMeSplit(FolderSplit):
    """A split of images with LabelMe's JSON."""

    other_classes: Literal["problem", "background"] = optional("problem", OTHER_CLASSES)


class YoloSplit(FolderSplit):
    """A split of images with YOLO's labels."""

    data: Text = optional("data.yaml", "the file that names the classes")


class ShapesSettings(Settings):
    """The generated demo data."""

    seed: NonNegativeInt = setting(meaning="seed of all that is drawn")
    side: int = setting(meaning="height and width of a picture, about, px", ge=64)
    train: PositiveInt = setting(meaning="number of pictures to train on")
    val: PositiveInt = setting(meaning="number of pictures to evaluate on")
    masks: PositiveInt = setting(meaning="number of pictures of `train` whose masks may be used")
    objects: Several[PositiveInt] = setting(
        (2, 5),
        "least and greatest number of objects in a picture, without companions",
        late=True,
        min_length=2,
        max_length=2,
    )
    companions: float = setting(
        0.0,
        "share of the objects with a companion: one of another class in about the same place",
        late=True,
        ge=0,
        le=1,
    )
    hue_spread: NonNegativeFloat = setting(28.0, "standard deviation of the hues of a class, degrees", late=True)
    radius: Several[PositiveFloat] = setting(
        (0.19, 0.34),
        "least and greatest radius of an object that is no companion, as shares of `side`",
        late=True,
        min_length=2,
        max_length=2,
    )

    @field_validator("objects", "radius")
    @classmethod
    def _in_order(cls, value: tuple[float, float], info: ValidationInfo) -> tuple[float, float]:
        what, most = ("number", MOST_OBJECTS) if info.field_name == "objects" else ("radius", MOST_RADIUS)
        if value[0] > value[1] or value[1] > most:
            raise ValueError(f"the least {what} first, and at most {most}")
        return value

    @field_validator("masks")
    @classmethod
    def _some_of_train(cls, value: int, info: ValidationInfo) -> int:
        if value > info.data.get("train", value):
            raise ValueError(f"{info.data['train']} (train) or fewer")
        return value


class DataSet(Settings):
    """The settings of all data sets that have files of their own."""

    classes: DistinctValues[Text] = setting(
        meaning="names of the classes, in the order of their labels, without background",
        min_length=1,
        max_length=254,
    )
    megapixels: PositiveFloat = setting(
        MEGAPIXELS, "an image with more is worked on at this size, by every stage, with its boxes and masks", late=True
    )
    on_problem: Literal["stop", "skip"] = setting(meaning="what to do about images with wrong files or annotations")
    shards: PositiveInt = setting(meaning="number of jobs that make the proposals and overlaps of a split", le=9999)


class FilesDataSet(DataSet):
    """The settings of all data sets whose files exist or are fetched, not generated."""

    root: Text = setting(meaning="the folder of the data set")
    proposals_of: str = optional(None, "another data set with the same images, whose proposals are used")


def splits_by_name() -> Any:  # noqa: ANN401 - a field of any type
    """The field `splits` of every data set but a union: one split or more, by name."""
    return setting(meaning="the splits by name", min_length=1)


class ShapesData(DataSet):
    """Generated pictures of textured, overlapping shapes that are far from rectangular, in VOC layout."""

    format: Literal["shapes"]
    shapes: ShapesSettings = setting(meaning="the pictures to generate")
    splits: dict[Name, VocSplit] = splits_by_name()


class VocData(FilesDataSet):
    """Any folder in VOC layout."""

    format: Literal["voc"]
    source: Literal["voc2007", "voc2010", "voc2012"] = optional(
        None, "the data set to fetch; voc2012 comes with SBD's masks; leave it out for data of your own"
    )
    download: bool = setting(meaning="whether to fetch it if it is not there")
    splits: dict[Name, VocSplit] = splits_by_name()


class ContextData(FilesDataSet):
    """PASCAL-Context: whole-scene masks of VOC 2010's images."""

    format: Literal["context"]
    source: Literal["voc2010"] = optional(None, "the data set to fetch; put the masks of PASCAL-Context there yourself")
    download: bool = setting(meaning="whether to fetch it if it is not there")
    splits: dict[Name, VocSplit] = splits_by_name()


class SbdData(FilesDataSet):
    """The Semantic Boundaries Dataset in its own layout."""

    format: Literal["sbd"]
    splits: dict[Name, SbdSplit] = splits_by_name()


class CocoData(FilesDataSet):
    """COCO's JSON of instances, and a folder of its images."""

    format: Literal["coco"]
    splits: dict[Name, FolderSplit] = splits_by_name()


class VocXmlData(FilesDataSet):
    """A folder of images and one of VOC's XML."""

    format: Literal["voc_xml"]
    splits: dict[Name, VocXmlSplit] = splits_by_name()


class YoloData(FilesDataSet):
    """A folder of images and one of YOLO's labels."""

    format: Literal["yolo"]
    splits: dict[Name, YoloSplit] = splits_by_name()


class LabelMeData(FilesDataSet):
    """A folder of images and one of LabelMe's JSON."""

    format: Literal["labelme"]
    splits: dict[Name, LabelMeSplit] = splits_by_name()


Part = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_]+/[A-Za-z0-9_]+$")]


class UnionData(Settings):
    """Splits that are joined from splits of other data sets: their tables, proposals, overlaps and masks are shared."""

    format: Literal["union"]
    splits: dict[Name, SomeDistinct[Part]] = setting(
        meaning="name -> the splits to join, each as DATASET/SPLIT", min_length=1
    )


AnyDataSet = Annotated[
    ShapesData | VocData | SbdData | CocoData | ContextData | VocXmlData | YoloData | LabelMeData | UnionData,
    Field(discriminator="format"),
]
FORMATS = variants(AnyDataSet, "format")
FILE_FORMATS = tuple(form for form, model in FORMATS.items() if issubclass(model, FilesDataSet))  # each has a reader


def split_model(form: str) -> Any:  # noqa: ANN401 - a class of settings
    """The model of a split of a format.

    >>> split_model("labelme").__name__
    'LabelMeSplit'
    """
    return get_args(FORMATS[form].model_fields["splits"].annotation)[1]
