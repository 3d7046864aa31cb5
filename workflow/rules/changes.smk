# What changed in the files of data sets since they were read: input and params functions; no rules.
from boxsup.catalogue.changes import Changes, SplitFiles, changes, is_made_from, overlaps_from, proposals_from
from boxsup.catalogue.records import parse_classes

LOOKED = {}  # split -> when its inventory and tables were written, and how the files differ from the inventory


def generated_from(wildcards):
    """What a data set's files were generated from, as JSON; null for a user's own."""
    return generator_of(wildcards.dataset)


def generator_of(name):
    dataset = DATASETS[name]
    return canonical([dataset["shapes"], STAGES["shapes"].version] if dataset["format"] == "shapes" else None)


def changes_of(wildcards):
    return changes_in(split_of(wildcards))


def changes_in(split):
    """How a split's files differ from its inventory; looked at once for each that is taken.

    Only by the process that plans: jobs of a cluster read this file too, and do what was planned.
    """
    files = files_in(split)
    if not workflow.is_main_process:
        return Changes(files, None, None, is_current=not split.inventory.exists())
    written = [path.stat().st_mtime_ns if path.exists() else None for path in (split.inventory, split.tables()[0])]
    known, found = LOOKED.get(split, ([], None))
    # None: the file is being made again
    if found is None or any(time not in (None, before) for time, before in zip(written, known)):
        LOOKED[split] = written, changes(files)
    return LOOKED[split][1]


def files_in(split):
    settings = DATASETS[split.dataset]
    classes = parse_classes(canonical(settings["classes"]))
    form, root = DATA.reader(split.dataset), Path(DATA.root(split.dataset))
    own = canonical(settings["splits"][split.split]), settings["on_problem"], generator_of(split.dataset)
    return SplitFiles(split.folder, form, root, classes, *own)


def since(wildcards):
    """A params function: the last change of a split's files."""
    return changes_of(wildcards).since()


def inventory_of(wildcards):
    """An input function: the inventory; none for a catalogue of before there were any that nothing has changed since."""
    return [] if changes_of(wildcards).is_current else split_of(wildcards).inventory


def files_of(wildcards):
    """An input function: what `source_of` says; a generated tree may have a new date and be the same."""
    before, source = changes_of(wildcards).before, generated_from(wildcards)
    same = before is not None and before.settings["source"] == source != canonical(None)
    return unless(same, source_of(wildcards))


def known(stage, found):
    """A param: the hashes, or where one is not known, a value that the rule's params hold anyway: none is changed."""
    return " ".join(found) if all(found) else STAGES[stage].version


def shard_pixels(wildcards):
    """A params function: a hash of the images of a shard."""
    return known("proposals", [changes_of(wildcards).image_hash(int(wildcards.i), int(wildcards.n))])


def shard_boxes(wildcards):
    """A params function: a hash of the annotations of a shard."""
    return known("overlaps", [changes_of(wildcards).box_hash(int(wildcards.i), int(wildcards.n))])


def images_of_shard(wildcards):
    """An input function: the table of images; it may be newer than candidates that would be the same."""
    settings, split = CONFIG["proposals"][wildcards.proposals], split_of(wildcards)
    store = split.proposals(wildcards.proposals, wildcards.i, wildcards.n)
    same = settings["method"] != "imported" and is_made_from(store, proposals_from(settings, shard_pixels(wildcards)))
    return unless(same, split.tables()[0])


def boxes_of_shard(wildcards):
    """An input function: the table of boxes; it may be newer than overlaps that would be the same."""
    split = split_of(wildcards)
    store = split.overlaps(wildcards.proposals, wildcards.i, wildcards.n)
    return unless(is_made_from(store, overlaps_from(shard_boxes(wildcards))), split.tables()[1])


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
    return known("fixed_masks", [changes_of(wildcards).mask_hash() if wildcards.kind == "truth" else ""])


def train_masks(stage):
    """A params function: a hash of the true masks of what an experiment trains on."""
    return lambda wildcards: masks_in(stage, experiment_of(wildcards).train)


def val_masks(stage):
    """The same of what it is evaluated on."""
    return lambda wildcards: masks_in(stage, experiment_of(wildcards).val)


def search_masks(wildcards):
    """The same of what a search scores on."""
    return masks_in("search", search_of(wildcards).first.val)


def masks_in(stage, split):
    return known(stage, [changes_in(part).mask_hash() for part in DATA.parts(split)])
