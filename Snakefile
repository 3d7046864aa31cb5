# BoxSup, from boxes to a report: `.venv/bin/snakemake --cores all results/demo_semi/report.html`.
# The rules are in the order of the data flow, which docs/architecture.md draws.
import os

from snakemake.utils import min_version

min_version("9.11")


# The configuration of the folder that the workflow runs in; the project's own if there is none.
configfile: "config.yaml" if os.path.exists("config.yaml") else f"{workflow.basedir}/config.yaml"


include: "workflow/rules/configuration.smk"
include: "workflow/rules/common.smk"
include: "workflow/rules/datasets.smk"
include: "workflow/rules/changes.smk"
include: "workflow/rules/resources.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/proposals.smk"
include: "workflow/rules/labels.smk"
include: "workflow/rules/training.smk"
include: "workflow/rules/prediction.smk"
include: "workflow/rules/evaluation.smk"
include: "workflow/rules/report.smk"


rule all:
    default_target: True
    input:
        "results/demo_semi/report.html",


include: "workflow/rules/targets.smk"
