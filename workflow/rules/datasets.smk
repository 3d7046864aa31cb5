# Input and params functions of data sets and their splits; no rules.


def datasets_of(*formats):
    return names(name for name, dataset in DATASETS.items() if dataset["format"] in formats)


def read_datasets():
    """The data sets that have files of their own: all but unions."""
    return [name for name, dataset in DATASETS.items() if dataset["format"] != "union"]


def proposed_datasets():
    """Those whose images proposals are made for: all but unions, and data sets of another's images."""
    return [name for name in read_datasets() if proposals_owner(name) == name]


def proposals_owner(dataset):
    return DATASETS[dataset].get("proposals_of", dataset)


def source_of(wildcards):
    """What says that a data set's files are in place; of formats that nothing is fetched for, the reader will say it."""
    sources = {"shapes": "tree", "voc": "source.json", "context": "source.json"}
    source = sources.get(DATASETS[wildcards.dataset]["format"])
    return f"results/data/{wildcards.dataset}/{source}" if source else []


def format_of(wildcards):
    """What the reader is called; generated data are in VOC layout."""
    kind = DATASETS[wildcards.dataset]["format"]
    return "voc" if kind == "shapes" else kind


def download_options(wildcards):
    return option("source", DATASETS[wildcards.dataset].get("source"))


def root_of(wildcards):
    return DATASETS[wildcards.dataset].get("root", f"results/data/{wildcards.dataset}/tree")


def dataset_setting(*keys):
    """A params function like `setting`, of the wildcards' data set and, under `splits`, its split."""

    def read(wildcards):
        value = DATASETS[wildcards.dataset]
        for key in keys:
            value = value[wildcards[key[1:-1]] if key.startswith("{") else key]
        return value if isinstance(value, str) else canonical(value)

    return read


def catalogue_of(role):
    """An input function: the tables of an experiment's `train` or `val` split."""
    return lambda wildcards: tables(experiment_of(wildcards)["dataset"], experiment_of(wildcards)[role])


def tables(dataset, split):
    return [f"results/data/{dataset}/{split}/{table}.csv" for table in ("images", "boxes", "classes")]


def folder_of(role):
    """A params function: the folder of those tables."""
    return lambda wildcards: "results/data/{dataset}/{split}".format(
        dataset=experiment_of(wildcards)["dataset"],
        split=experiment_of(wildcards)[role],
    )


def parts_of(dataset, split):
    """What a split consists of, as (data set, split): itself, or the splits that a union joins."""
    if DATASETS[dataset]["format"] != "union":
        return [(dataset, split)]
    return [Path(part).parts for part in DATASETS[dataset]["splits"][split]]


def part_folders(wildcards):
    return [f"results/data/{dataset}/{split}" for dataset, split in parts_of(wildcards.dataset, wildcards.split)]


def part_tables(wildcards):
    return [path for part in parts_of(wildcards.dataset, wildcards.split) for path in tables(*part)]


def shards_of(kind, dataset, split, proposals, suffix="zarr"):
    """All shards of the `proposals` or `overlaps` of a split that is no union."""
    owner, n = proposals_owner(dataset) if kind == "proposals" else dataset, DATASETS[dataset]["shards"]
    return [f"results/data/{owner}/{split}/{kind}/{proposals}/{i}-of-{n}.{suffix}" for i in range(n)]


def split_shards(suffix):
    """An input function: what `boxsup proposals make` writes of all shards of the wildcards' split."""
    return lambda wildcards: shards_of("proposals", wildcards.dataset, wildcards.split, wildcards.proposals, suffix)


def shard_proposals(wildcards):
    """The pools that a shard of overlaps is made from."""
    owner = proposals_owner(wildcards.dataset)
    return f"results/data/{owner}/{wildcards.split}/proposals/{wildcards.proposals}/{wildcards.i}-of-{wildcards.n}.zarr"


def compared_proposals():
    """The settings that a page of proposals sets side by side: all but candidates that come from elsewhere."""
    return {name: settings for name, settings in CONFIG["proposals"].items() if settings["method"] != "imported"}


def compared_evaluations(wildcards):
    folder = f"results/data/{wildcards.dataset}/{wildcards.split}/proposals"
    return [
        f"{folder}/{name}/evaluation/{table}.csv" for name in compared_proposals() for table in ("objects", "summary")
    ]
