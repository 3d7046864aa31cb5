# The configuration, the layout of results, and the names that wildcards may have; no rules.
import json
import os
import re
import shlex
import sys
from dataclasses import asdict
from pathlib import Path

from snakemake.logging import logger

from boxsup.again import VARIABLE, Start, record
from boxsup.config.experiment import FIXED_KINDS, kind_needs_crf
from boxsup.config.files import completed, from_folder
from boxsup.config.params import (
    canonical,
    epoch_settings,
    generation_settings,
    lesson_settings,
    network_settings,
    object_settings,
)
from boxsup.config.resolve import resolve
from boxsup.errors import BoxSupError, ConfigError
from boxsup.experiments.datasets import DataSets
from boxsup.experiments.experiment import ExperimentPlan
from boxsup.experiments import page
from boxsup.experiments.paper import PaperPage
from boxsup.experiments.scored import scored_settings
from boxsup.experiments.search import SearchPlan
from boxsup.experiments.splits import TABLES, DataSetFolder, Split
from boxsup.experiments.found import owner_of
from boxsup.experiments.tree import (
    RESULTS,
    ExperimentFolder,
    PageFolder,
    Run,
    benchmark_of,
    log_of,
    search_table,
    trimap_page,
    where_losses_are,
)
from boxsup.inference.labelling import labelling_settings
from boxsup.inference.settings import READ_BY, inference_settings
from boxsup.running.launcher import LAUNCHER
from boxsup.stages import ASKED, STAGES, asked_versions
from boxsup.store.ownership import BY_SNAKEMAKE

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
os.environ.setdefault(f"{VARIABLE}_BIN", str(Path(sys.executable).parent))

# How jobs find `boxsup`: in the environment that Snakemake runs in, also where that is not activated; with `--sdm conda`
# in this package, which the Python of the rule's environment runs; with `--sdm apptainer` in the image.
DEPLOYED_BY = {str(method) for method in workflow.deployment_settings.deployment_method}
BINARIES = [LAUNCHER] if "conda" in DEPLOYED_BY else []
PATHS = [*BINARIES, Path(sys.executable).parent, os.getenv("PATH", os.defpath)]
os.environ.update(PATH=os.pathsep.join(map(str, PATHS)))
os.environ[ASKED] = asked_versions()
# Outputs are Snakemake's, which removes them itself before a job: commands replace them, and keep no manifest of them.
os.environ[BY_SNAKEMAKE] = "1"

try:
    CONFIG = resolve(completed(config))
except ConfigError as error:
    sys.exit(f"boxsup: error: {error}{from_folder(BASES)}")
if "apptainer" in DEPLOYED_BY and not CONFIG["container"]:
    sys.exit("boxsup: error: --sdm apptainer needs an image: set `container` in the configuration (docs/software.md)")


container: CONFIG["container"]


DATASETS, DATA = CONFIG["datasets"], DataSets(CONFIG["datasets"])

# The layout of results, with wildcards for names and numbers.
RUN = Run("{experiment}", "{seed}")
EXPERIMENT = ExperimentFolder("{experiment}")
SPLIT = Split("{dataset}", "{split}")
SHARD = ("{i}", "{n}")


def names(known):
    """The constraint of a wildcard: for an unknown name Snakemake then finds no rule, instead of a KeyError."""
    return "|".join(map(re.escape, known)) or "(?!)"


wildcard_constraints:
    dataset=names(DATASETS),
    split=names({split for dataset in DATASETS.values() for split in dataset["splits"]}),
    proposals=names(CONFIG["proposals"]),
    experiment=names(CONFIG["experiments"]),
    search=names(CONFIG["searches"]),
    page=names(CONFIG["pages"]),
    experiments=rf"({names(CONFIG['experiments'])})(\+({names(CONFIG['experiments'])}))*",
    seed=r"\d+",
    epoch=r"(?!000)\d{3}",
    i=r"\d+",
    n=r"\d+",


def needs_crf(job):
    """Whether a job needs the library of the dense CRF, which not everybody can install."""
    if job.rule.name in ("predictions", "split_predictions", "crf_search"):
        return experiment_of(job.wildcards).refined
    return job.rule.name == "fixed_masks" and kind_needs_crf(job.wildcards.kind)


TRAINED = []  # experiments whose epochs this run trains, as soon as that is known


def say_where_losses_are():
    for experiment in TRAINED[:3]:  # of many, a few show how
        logger.info(where_losses_are(experiment))


onstart:
    from boxsup.inference.crf import MISSING, has_crf

    elsewhere = DEPLOYED_BY & {"conda", "apptainer"}  # jobs have other packages than Snakemake
    if not (elsewhere or has_crf()) and any(map(needs_crf, workflow.dag.needrun_jobs())):  # said before training
        sys.exit(f"boxsup: error: {MISSING}")
    outputs = [path for job in workflow.dag.jobs for path in job.output if path.startswith(f"{RESULTS}/")]
    if workflow.is_main_process:
        try:
            check_held_out()
        except BoxSupError as error:
            sys.exit(f"boxsup: error: {error}")
        record(RESULTS, sorted(set(map(owner_of, outputs))), START)
        jobs = [job for job in workflow.dag.needrun_jobs() if job.rule.name == "epoch"]
        TRAINED.extend(sorted({job.wildcards.experiment for job in jobs}))
        say_where_losses_are()


onsuccess:
    say_where_losses_are()
