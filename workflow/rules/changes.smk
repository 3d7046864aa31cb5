# What changed in the files of data sets since they were read: input and params functions; no rules.
# What compares files is imported where it is used: `snakemake --lint` needs nothing but Snakemake and this folder.

LOOKED = {}  # split -> when its inventory and tables were written, and how its files differ from the inventory


def generated_from(wildcards):
    """A params function: what a data set's files are generated from, as JSON; null for a user's own files."""
    return generator_of(wildcards.dataset)


def generator_of(name):
    dataset = DATASETS[name]
    return canonical([dataset["shapes"], STAGES["shapes"].version] if dataset["format"] == "shapes" else None)


def changes_of(wildcards):
    return changes_in(split_of(wildcards))


def changes_in(split):
    """How a split's files differ from its inventory; they are looked at once for each inventory.

    Only the process that plans looks at them. Jobs of a cluster read this file too, and do what was planned.
    """
    from boxsup.catalogue.changes import Unlooked, changes

    files = files_in(split)
    if not workflow.is_main_process:
        return Unlooked(files)
    written = [path.stat().st_mtime_ns if path.exists() else None for path in (split.inventory, split.tables()[0])]
    known, found = LOOKED.get(split, ([], None))
    # None: the file is being made again
    if found is None or any(time not in (None, before) for time, before in zip(written, known)):
        LOOKED[split] = written, changes(files)
    return LOOKED[split][1]


def files_in(split):
    from boxsup.catalogue.changes import SplitFiles
    from boxsup.catalogue.records import parse_classes

    settings = DATASETS[split.dataset]
    classes = parse_classes(canonical(settings["classes"]))
    form, root = DATA.reader(split.dataset), Path(DATA.root(split.dataset))
    split_settings, on_problem = canonical(settings["splits"][split.split]), settings["on_problem"]
    return SplitFiles(split.folder, form, root, classes, split_settings, on_problem, generator_of(split.dataset))


def since(wildcards):
    """A params function: the last change of a split's files."""
    return changes_of(wildcards).since()


def files_of(wildcards):
    """An input function: that of `source_of`; a generated tree may have a new date and equal files."""
    source = generated_from(wildcards)
    return unless(changes_of(wildcards).source() == source != canonical(None), source_of(wildcards))


def known(stage, hashes):
    """A param: the hashes; if one is not known, the stage's version, which is a param anyway and so changes nothing."""
    return " ".join(hashes) if all(hashes) else STAGES[stage].version


def shard_pixels(wildcards):
    """A params function: a hash of the images of a shard."""
    return known("proposals", [changes_of(wildcards).image_hash(int(wildcards.i), int(wildcards.n))])


def shard_boxes(wildcards):
    """A params function: a hash of the annotations of a shard."""
    return known("overlaps", [changes_of(wildcards).box_hash(int(wildcards.i), int(wildcards.n))])


def has_views(wildcards):
    """Whether the candidates of a shard depend on its boxes."""
    return bool(CONFIG["proposals"][wildcards.proposals].get("views"))


def shard_files(wildcards):
    """A params function: hashes of what the candidates of a shard are made from: its images, and boxes that have views."""
    pixels = shard_pixels(wildcards)
    return f"{pixels} {shard_boxes(wildcards)}" if has_views(wildcards) else pixels


def tables_of_shard(wildcards):
    """An input function: the tables that candidates are made from; they may be newer than candidates that would come
    out equal."""
    from boxsup.catalogue.made_from import is_made_from, proposals_from

    settings, split = CONFIG["proposals"][wildcards.proposals], split_of(wildcards)
    store = split.proposals(wildcards.proposals, wildcards.i, wildcards.n)
    made = proposals_from(settings, shard_pixels(wildcards), shard_boxes(wildcards))
    same = settings["method"] != "imported" and is_made_from(store, made)
    return [unless(same, table) for table in split.tables()[: 1 + has_views(wildcards)]]


def boxes_of_shard(wildcards):
    """An input function: the table of boxes; it may be newer than overlaps that would come out equal."""
    from boxsup.catalogue.made_from import is_made_from, overlaps_from

    split = split_of(wildcards)
    store = split.overlaps(wildcards.proposals, wildcards.i, wildcards.n)
    return unless(is_made_from(store, overlaps_from(shard_boxes(wildcards))), split.tables()[1])


def unless(same, path):
    """An input that makes no job run again if its result would be the same.

    Otherwise Snakemake runs every job that depends on a table whenever the table is made again, whatever is in it.
    """
    return ancient(path) if same else path


def split_masks(stage):
    """A params function: a hash of the true masks of the wildcards' split, which is no union."""
    return lambda wildcards: known(stage, [changes_of(wildcards).mask_hash()])


def kept_masks(wildcards):
    """A params function: a hash of the true masks, if the fixed masks are made from them."""
    return known("fixed_masks", [changes_of(wildcards).mask_hash() if wildcards.kind == "truth" else ""])


def train_masks(stage):
    """A params function: a hash of the true masks of the split that an experiment trains on."""
    return lambda wildcards: masks_in(stage, experiment_of(wildcards).train)


def val_masks(stage):
    """A params function: a hash of the true masks of the split that an experiment is evaluated on."""
    return lambda wildcards: masks_in(stage, experiment_of(wildcards).val)


def search_masks(wildcards):
    """A params function: a hash of the true masks of the split that a search is scored on."""
    return masks_in("search", search_of(wildcards).first.val)


def masks_in(stage, split):
    return known(stage, [changes_in(part).mask_hash() for part in DATA.parts(split)])
