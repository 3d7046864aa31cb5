# Names, constraints and input functions; no rules.
import json
import os
import re
import shlex
import sys
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace

from boxsup.again import VARIABLE, Start, owner_of, record
from boxsup.config.params import canonical, epoch_settings, fixed_crf_settings, generation_settings, without_held_out
from boxsup.config.resolve import resolve
from boxsup.errors import ConfigError
from boxsup.inference.labelling import labelling_settings
from boxsup.store.ownership import BY_SNAKEMAKE
from boxsup.versions import STAGE_VERSIONS

# How this was started, for the commands that pages print; in the jobs' environment and in no rule's `params`, since
# another way to start it makes nothing again.
START = Start(
    str(Path(workflow.main_snakefile).absolute()),
    tuple(map(str, workflow.overwrite_configfiles)),
    tuple(f"{key}={value}" for key, value in workflow.config_settings.config.items()),
    str(workflow.overwrite_workdir or ""),
)
os.environ.setdefault(VARIABLE, json.dumps(asdict(START)))
os.environ.setdefault(f"{VARIABLE}_PATH", os.getenv("PATH", os.defpath))

# Jobs find the `boxsup` of the environment that Snakemake runs in, also where that is not activated.
os.environ.update(PATH=os.pathsep.join([str(Path(sys.executable).parent), os.getenv("PATH", os.defpath)]))
# Outputs are Snakemake's, which removes them itself before a job: commands replace them, and keep no manifest of them.
os.environ[BY_SNAKEMAKE] = "1"

try:
    CONFIG = resolve(config)
except ConfigError as error:
    sys.exit(f"boxsup: error: {error}")

DATASETS, EXPERIMENTS = CONFIG["datasets"], CONFIG["experiments"]
SEARCHES, PAGES = CONFIG["searches"], CONFIG["pages"]
SEED = "results/{experiment}/seed-{seed}"
SPLIT = "results/data/{dataset}/{split}"


def names(known):
    """A wildcard's constraint: an unknown name is then "no rule to produce …" and not a KeyError."""
    return "|".join(map(re.escape, known)) or "(?!)"


wildcard_constraints:
    dataset=names(DATASETS),
    split=names({split for dataset in DATASETS.values() for split in dataset["splits"]}),
    proposals=names(CONFIG["proposals"]),
    experiment=names(EXPERIMENTS),
    search=names(SEARCHES),
    page=names(PAGES),
    experiments=rf"({names(EXPERIMENTS)})(\+({names(EXPERIMENTS)}))*",
    seed=r"\d+",
    epoch=r"(?!000)\d{3}",
    i=r"\d+",
    n=r"\d+",


def experiment_of(wildcards):
    return EXPERIMENTS[wildcards.experiment]


def setting(*keys):
    """A params function: what stands under `keys` in the wildcards' experiment, as canonical JSON."""

    def read(wildcards):
        value = experiment_of(wildcards)
        for key in keys:
            value = value[key]
        return canonical(value)

    return read


def scales(wildcards):
    return experiment_of(wildcards)["inference"]["scales"]


def fixed_crf(wildcards):
    return canonical(fixed_crf_settings(experiment_of(wildcards)["inference"]))


def labelling(wildcards):
    return canonical(labelling_settings(experiment_of(wildcards), wildcards.experiment))


def held_out(wildcards):
    """The options that say which images scores leave out, and settings are searched on."""
    validation = experiment_of(wildcards)["validation"]
    count, seed = validation["held_out"], validation["held_out_seed"]
    return f"--held-out {count} --held-out-seed {seed}" if count else ""


def update_settings(wildcards):
    """A params function; "" where no box chooses: the update's settings then change nothing."""
    experiment = experiment_of(wildcards)
    return canonical(generation_settings(experiment["update"])) if has_updates(experiment) else ""


def training_settings(wildcards):
    return canonical(epoch_settings(experiment_of(wildcards)["training"]))


def imported_files(wildcards):
    """The files of imported candidates, where they are one for all images: editing them makes the proposals again."""
    settings = CONFIG["proposals"][wildcards.proposals]
    paths = [settings["files"], settings["images"]] if settings["method"] == "imported" else []
    return [path for path in paths if path and "{image}" not in path]


def option(name, values):
    """`--NAME VALUE …`, quoted for the shell as `:q` quotes what stands in a command by itself; "" without a value."""
    values = [values] if isinstance(values, str) else values
    return shlex.join([f"--{name}", *map(str, values)]) if values else ""


def tables_folder(wildcards, input):
    """A params function: the folder of the catalogue whose tables are a rule's first input."""
    return str(Path(input[0]).parent)


# --- supervision ------------------------------------------------------------------------------------------------------


def has_updates(experiment):
    """Whether an experiment's boxes choose among candidates; otherwise its one generation never changes."""
    return experiment["supervision"]["boxes"] == "boxsup" and experiment["supervision"]["masks"] != "all"


def masked_split(experiment):
    """The split whose true masks may be used, or None."""
    masks = experiment["supervision"]["masks"]
    return {"none": None, "all": experiment["train"]}.get(masks, masks)


def shards(kind):
    """An input function: all shards of the `proposals` or `overlaps` that a generation chooses from."""

    def paths(wildcards):
        experiment = experiment_of(wildcards)
        parts = boxed_parts(experiment) if has_updates(experiment) else []
        return [path for part in parts for path in shards_of(kind, *part, experiment["proposals"])]

    return paths


def fixed_masks(wildcards):
    experiment = experiment_of(wildcards)
    boxes = experiment["supervision"]["boxes"]
    parts = boxed_parts(experiment) if boxes != "boxsup" else []
    return [f"results/data/{dataset}/{split}/masks/{boxes}.zarr" for dataset, split in parts]


def true_masks(wildcards):
    parts = masked_parts(experiment_of(wildcards))
    return [f"results/data/{dataset}/{split}/masks/truth.zarr" for dataset, split in parts]


def masked_parts(experiment):
    """What the split consists of whose true masks may be used."""
    split = masked_split(experiment)
    return parts_of(experiment["dataset"], split) if split else []


def boxed_parts(experiment):
    """What the training split consists of, less what has its true masks in whole."""
    masked = masked_parts(experiment)
    return [part for part in parts_of(experiment["dataset"], experiment["train"]) if part not in masked]


def masked_tables(wildcards):
    experiment = experiment_of(wildcards)
    split = masked_split(experiment)
    return tables(experiment["dataset"], split)[0] if split else []


def label_options(wildcards, input):
    """The options of `boxsup labels` for what it has as inputs; fixed and true masks may be several stores."""
    options = [option(name, input.get(name)) for name in ("model", "fixed", "truth") if input.get(name)]
    if input.masked:
        options.append(option("masked", str(Path(input.masked).parent)))
    if settings := update_settings(wildcards):
        options.append(option("settings", settings))
    options.append(option("scales", asking_scales(wildcards)))
    return " ".join(options)


def asking_model(wildcards):
    """The checkpoint that a generation asks: of the epoch before, but for the first, which go by overlap alone."""
    experiment, epoch = experiment_of(wildcards), int(wildcards.epoch)
    asks = has_updates(experiment) and epoch > experiment["update"]["warmup"]
    return epoch_file(wildcards, epoch - 1) if asks else []


def asking_scales(wildcards):
    """At which scales of the image a generation asks the network; none where it asks none."""
    return experiment_of(wildcards)["update"]["scales"] if asking_model(wildcards) else []


# --- the epoch chain --------------------------------------------------------------------------------------------------


def initial_model(wildcards):
    """The checkpoint of another experiment that a run starts from, of the same seed."""
    start = experiment_of(wildcards)["init_from"]
    if start is None:
        return []
    source = SimpleNamespace(experiment=start["experiment"], seed=wildcards.seed)
    return epoch_file(source, start["epoch"])


def initial_options(wildcards, input):
    start = experiment_of(wildcards)["init_from"]
    return f"{option('init', input.init)} {shlex.join(['--drop', *start['drop']])}" if start else ""


def seed_folder(wildcards):
    return SEED.format(experiment=wildcards.experiment, seed=wildcards.seed)


def trained_by(name):
    """The experiment whose networks and generations an experiment has: its own, or those it takes."""
    return EXPERIMENTS[name]["checkpoints_of"] or name


def trained_folder(wildcards):
    return SEED.format(experiment=trained_by(wildcards.experiment), seed=wildcards.seed)


def trained_model(wildcards):
    """The checkpoint after the wildcards' epoch."""
    return epoch_file(wildcards, int(wildcards.epoch))


def epoch_file(wildcards, epoch, name="model.pt"):
    return f"{trained_folder(wildcards)}/epochs/{epoch:03d}/{name}"


def generation(wildcards, epoch):
    """The generation that an epoch trains on, named after the first epoch that does."""
    experiment = experiment_of(wildcards)
    every = experiment["update"]["every"]
    number = (epoch - 1) // every * every + 1 if has_updates(experiment) else 1
    return f"{trained_folder(wildcards)}/labels/{number:03d}.zarr"


def generations(wildcards):
    """All generations of a run, in order."""
    epochs = range(1, experiment_of(wildcards)["epochs"] + 1)
    return list(dict.fromkeys(generation(wildcards, epoch) for epoch in epochs))


def previous_model(wildcards):
    return epoch_file(wildcards, int(wildcards.epoch) - 1)


def previous_optimizer(wildcards):
    epoch = int(wildcards.epoch) - 1
    return epoch_file(wildcards, epoch, "optimizer.pt") if epoch else []


def training_gpus(wildcards):
    return experiment_of(wildcards)["training"]["gpus"]


def epoch_labels(wildcards):
    return generation(wildcards, int(wildcards.epoch))


def previous_generation(wildcards):
    """The generation before that of the wildcards, to say what changed."""
    number = int(wildcards.epoch)
    return generation(wildcards, number - 1) if number > 1 else []


def first_quality(wildcards):
    """What was measured of the first generation, which a later one is held against."""
    return f"{seed_folder(wildcards)}/labels/001.csv" if int(wildcards.epoch) > 1 else []


def report_inputs(wildcards):
    """Everything that an experiment's page shows, of all its seeds."""
    experiment = experiment_of(wildcards)
    last, every = experiment["epochs"], experiment["validation"]["every"]
    epochs = range(1, last + 1)
    paths = [f"results/{wildcards.experiment}/labelling.json"]
    for seed in experiment["seeds"]:
        run = SimpleNamespace(experiment=wildcards.experiment, seed=seed)
        folder = seed_folder(run)
        paths += [epoch_file(run, epoch, "train.csv") for epoch in epochs]
        paths += [f"{folder}/epochs/{epoch:03d}/val.csv" for epoch in epochs if every and epoch % every == 0]
        paths += generations(run)
        paths += [path.replace(".zarr", ".csv") for path in generations(run)]
        paths += [
            f"{folder}/predictions/{last:03d}.zarr",
            f"{folder}/evaluation/{last:03d}.csv",
            f"{folder}/trimap/{last:03d}.csv",
        ]
        paths += crf_searches(f"{folder}/crf_search/{last:03d}.csv", experiment)
    return paths + catalogue_of("train")(wildcards) + catalogue_of("val")(wildcards)


def crf_searches(path, experiment):
    """The table of a search for the CRF's weights, where it was asked for: the page then keeps it up to date."""
    return [path] if experiment["validation"]["held_out"] and Path(path).exists() else []


def searched_points(search):
    """The points of a search, each with the predictions of its seeds after the last epoch."""
    points = []
    for point in SEARCHES[search]["points"]:
        experiment = EXPERIMENTS[point["experiment"]]
        path = f"{SEED}/predictions/{experiment['epochs']:03d}.zarr"
        paths = [path.format(experiment=point["experiment"], seed=seed) for seed in experiment["seeds"]]
        points.append({**point, "predictions": paths})
    return points


def search_inputs(wildcards):
    """The tables of the split that a search scores on, and all predictions."""
    first = EXPERIMENTS[SEARCHES[wildcards.search]["points"][0]["experiment"]]
    predictions = [path for point in searched_points(wildcards.search) for path in point["predictions"]]
    return {"tables": tables(first["dataset"], first["val"]), "predictions": predictions}


def search_held_out(wildcards):
    return held_out(SimpleNamespace(experiment=SEARCHES[wildcards.search]["points"][0]["experiment"]))


def searches_of(wildcards):
    """A params function: the searches over an experiment's settings that were made; none is made for its page."""
    names = [name for name, search in SEARCHES.items() if search["experiment"] == wildcards.experiment]
    paths = {name: Path(f"results/{name}/search.csv") for name in names}
    return canonical({name: str(path) for name, path in paths.items() if path.exists()})


def split_tables(wildcards):
    """The tables of any split of an experiment's data set."""
    return tables(experiment_of(wildcards)["dataset"], wildcards.split)


def predictions_of_split(wildcards):
    """Predictions of any split: those of `val` are made anyway."""
    inner = "" if wildcards.split == experiment_of(wildcards)["val"] else f"{wildcards.split}/"
    return f"{seed_folder(wildcards)}/predictions/{inner}{wildcards.epoch}.zarr"


def trimaps_of(name):
    """The error analyses of all seeds of an experiment."""
    seeds, last = EXPERIMENTS[name]["seeds"], EXPERIMENTS[name]["epochs"]
    return [f"{SEED.format(experiment=name, seed=seed)}/trimap/{last:03d}.csv" for seed in seeds]


def compared_trimaps(wildcards):
    """Those of the experiments that `A+B` names."""
    return [path for name in wildcards.experiments.split("+") for path in trimaps_of(name)]


def trimap_config(wildcards):
    experiments = {
        name: {
            "evaluated": "{dataset}, {val}".format(**EXPERIMENTS[name]) + without_held_out(EXPERIMENTS[name]),
            "tables": trimaps_of(name),
        }
        for name in wildcards.experiments.split("+")
    }
    # Not `canonical`: the order of the names is that of the figure.
    return json.dumps({"experiments": experiments})


def report_config(wildcards):
    experiment = experiment_of(wildcards)
    return canonical(
        {
            "experiment": experiment,
            "dataset": DATASETS[experiment["dataset"]],
            "proposals": CONFIG["proposals"][experiment["proposals"]],
        }
    )


def comparable_experiments(wildcards):
    """A params function: other experiments that are evaluated on the same images, and which of their runs; no searches."""
    own = experiment_of(wildcards)
    points = {point["experiment"] for search in SEARCHES.values() for point in search["points"]}
    data = [own["dataset"], own["val"], own["validation"]["held_out"], own["validation"]["held_out_seed"]]
    others = {
        name: {"seeds": other["seeds"], "epochs": other["epochs"]}
        for name, other in EXPERIMENTS.items()
        if name not in {wildcards.experiment, *points}
        and [other["dataset"], other["val"], *map(other["validation"].get, ("held_out", "held_out_seed"))] == data
    }
    return canonical(others)


def timed_stages(wildcards):
    """A params function: stage -> where Snakemake's benchmarks of its jobs lie, in the order of the data flow."""
    name, experiment = wildcards.experiment, experiment_of(wildcards)
    boxes, parts = experiment["supervision"]["boxes"], boxed_parts(experiment)
    choosing = parts if has_updates(experiment) else []
    proposed = dict.fromkeys((proposals_owner(dataset), split) for dataset, split in choosing)
    kinds = [("truth", masked_parts(experiment)), (boxes, parts if boxes != "boxsup" else [])]
    runs, trained = ([f"{own}/seed-{seed}" for seed in experiment["seeds"]] for own in (name, trained_by(name)))
    places = {
        "proposals": [f"{dataset}/{split}/{experiment['proposals']}" for dataset, split in proposed],
        "overlaps": [f"{dataset}/{split}/{experiment['proposals']}" for dataset, split in choosing],
        "fixed_masks": [f"{'/'.join(part)}/{kind}.benchmark.tsv" for kind, own in kinds for part in own],
        "network": [f"{run}.benchmark.tsv" for run in trained],
        **{stage: trained for stage in ("labels", "label_quality", "epoch")},
        **{stage: runs for stage in ("validate", "predictions", "evaluation", "trimap", "crf_search")},
    }
    # Not `canonical`: the order of the stages is that of the page.
    return json.dumps({stage: [f"results/logs/{stage}/{path}" for path in paths] for stage, paths in places.items()})


onstart:
    outputs = [path for job in workflow.dag.jobs for path in job.output if path.startswith("results/")]
    if workflow.is_main_process:
        record(Path("results"), sorted(set(map(owner_of, outputs))), START)
