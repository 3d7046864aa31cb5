# What changed in the files of data sets since they were read: input and params functions; no rules.
from boxsup.catalogue.changes import Changes, Split, changes, is_made_from, overlaps_from, proposals_from
from boxsup.catalogue.records import parse_classes

LOOKED = {}  # folder of a split's tables -> when they were written, and how the files differ from their inventory


def generated_from(wildcards):
    """What a data set's files were generated from, as JSON; null for a user's own."""
    dataset = DATASETS[wildcards.dataset]
    return canonical([dataset["shapes"], STAGE_VERSIONS["shapes"]] if dataset["format"] == "shapes" else None)


def changes_of(wildcards):
    """How a split's files differ from its inventory; looked at once for each that is taken.

    Only by the process that plans: jobs of a cluster read this file too, and do what was planned.
    """
    folder = Path(SPLIT.format(dataset=wildcards.dataset, split=wildcards.split))
    split = split_of(folder, wildcards)
    if not workflow.is_main_process:
        return Changes(split, None, None, is_current=not (folder / "inventory.json").exists())
    written = [
        path.stat().st_mtime_ns if path.exists() else None
        for path in (folder / "inventory.json", folder / "images.csv")
    ]
    known, found = LOOKED.get(folder, ([], None))
    if found is None or any(
        time not in (None, before) for time, before in zip(written, known)
    ):  # None: being made again
        LOOKED[folder] = written, changes(split)
    return LOOKED[folder][1]


def split_of(folder, wildcards):
    settings = DATASETS[wildcards.dataset]
    classes = parse_classes(canonical(settings["classes"]))
    own = canonical(settings["splits"][wildcards.split]), settings["on_problem"], generated_from(wildcards)
    return Split(folder, format_of(wildcards), Path(root_of(wildcards)), classes, *own)


def since(wildcards):
    """A params function: the last change of a split's files."""
    return changes_of(wildcards).since()


def inventory_of(wildcards):
    """An input function: the inventory; none for a catalogue of before there were any that nothing has changed since."""
    return [] if changes_of(wildcards).is_current else f"{SPLIT}/inventory.json".format(**wildcards)


def files_of(wildcards):
    """An input function: what `source_of` says; a generated tree may have a new date and be the same."""
    before, source = changes_of(wildcards).before, generated_from(wildcards)
    same = before is not None and before.settings["source"] == source != canonical(None)
    return unless(same, source_of(wildcards))


def known(stage, found):
    """A param: the hashes, or where one is not known, a value that the rule's params hold anyway: none is changed."""
    return " ".join(found) if all(found) else STAGE_VERSIONS[stage]


def shard_pixels(wildcards):
    """A params function: a hash of the images of a shard."""
    return known("proposals", [changes_of(wildcards).image_hash(int(wildcards.i), int(wildcards.n))])


def shard_boxes(wildcards):
    """A params function: a hash of the annotations of a shard."""
    return known("overlaps", [changes_of(wildcards).box_hash(int(wildcards.i), int(wildcards.n))])


def images_of_shard(wildcards):
    """An input function: the table of images; it may be newer than candidates that would be the same."""
    settings = CONFIG["proposals"][wildcards.proposals]
    store = Path(f"{SPLIT}/proposals/{{proposals}}/{{i}}-of-{{n}}.zarr".format(**wildcards))
    same = settings["method"] != "imported" and is_made_from(store, proposals_from(settings, shard_pixels(wildcards)))
    return unless(same, f"{SPLIT}/images.csv".format(**wildcards))


def boxes_of_shard(wildcards):
    """An input function: the table of boxes; it may be newer than overlaps that would be the same."""
    store = Path(f"{SPLIT}/overlaps/{{proposals}}/{{i}}-of-{{n}}.zarr".format(**wildcards))
    same = is_made_from(store, overlaps_from(shard_boxes(wildcards)))
    return unless(same, f"{SPLIT}/boxes.csv".format(**wildcards))


def unless(same, path):
    """An input that makes nothing run again where that would come out the same.

    Snakemake otherwise runs all that depends on a table whenever the table is to be made, whatever will be in it.
    """
    return ancient(path) if same else path


def split_masks(stage):
    """A params function: a hash of the true masks of the wildcards' split, which is no union."""
    return lambda wildcards: known(stage, [changes_of(wildcards).mask_hash()])


def kept_masks(wildcards):
    """The same of fixed masks that are true ones; the others do not depend on them."""
    return known("fixed-masks", [changes_of(wildcards).mask_hash() if wildcards.kind == "truth" else ""])


def role_masks(role, stage):
    """A params function: a hash of the true masks of an experiment's `train` or `val` split."""

    def read(wildcards):
        experiment = experiment_of(wildcards)
        parts = parts_of(experiment["dataset"], experiment[role])
        splits = (SimpleNamespace(dataset=dataset, split=split) for dataset, split in parts)
        return known(stage, [changes_of(split).mask_hash() for split in splits])

    return read


def search_masks(wildcards):
    """A params function: a hash of the true masks that a search scores on."""
    first = SEARCHES[wildcards.search]["points"][0]["experiment"]
    return role_masks("val", "search")(SimpleNamespace(experiment=first))
