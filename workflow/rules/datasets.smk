# Input and params functions of data sets and their splits; no rules.


def split_of(wildcards):
    return Split(wildcards.dataset, wildcards.split)


def source_of(wildcards):
    """The path that exists once a data set's files are there, if a rule makes it."""
    return DATA.source(wildcards.dataset) or []


def format_of(wildcards):
    return DATA.reader(wildcards.dataset)


def root_of(wildcards):
    return DATA.root(wildcards.dataset)


def download_options(wildcards):
    return option("source", DATASETS[wildcards.dataset].get("source"))


def dataset_setting(*keys):
    """A params function: a setting of the data set; a key such as `{split}` is the value of that wildcard."""

    def read(wildcards):
        value = DATASETS[wildcards.dataset]
        for key in keys:
            value = value[wildcards[key[1:-1]] if key.startswith("{") else key]
        return value if isinstance(value, str) else canonical(value)

    return read


def megapixels_of(wildcards):
    """The megapixels above which the images of the data set are reduced."""
    return DATA.megapixels(wildcards.dataset)


def part_folders(wildcards):
    """The folders of the splits that a union joins."""
    return [str(part.folder) for part in DATA.parts(split_of(wildcards))]


def part_tables(wildcards):
    return [path for part in DATA.parts(split_of(wildcards)) for path in part.tables()]


# --- proposals --------------------------------------------------------------------------------------------------------


def imported_files(wildcards):
    """The files of imported candidates that are not one per image; editing them makes the proposals again."""
    settings = CONFIG["proposals"][wildcards.proposals]
    paths = [settings["files"], settings["images"]] if settings["method"] == "imported" else []
    return [path for path in paths if path and "{image}" not in path]


def split_pools(wildcards):
    """The stores of candidates of all shards."""
    return DATA.pools(split_of(wildcards), wildcards.proposals)


def split_timings(wildcards):
    return DATA.timings(split_of(wildcards), wildcards.proposals)


def shard_pools(wildcards):
    """The store of candidates that a shard of overlaps is made from."""
    return DATA.proposed_split(split_of(wildcards)).proposals(wildcards.proposals, wildcards.i, wildcards.n)


def compared_proposals():
    """Name -> settings of the proposals that a page compares: all but imported ones."""
    return {name: settings for name, settings in CONFIG["proposals"].items() if settings["method"] != "imported"}


def compared_evaluations(wildcards):
    compared = [split_of(wildcards).candidates(name) for name in compared_proposals()]
    return [table for candidates in compared for table in (candidates.objects, candidates.summary)]
