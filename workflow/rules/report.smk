# Pages: of an experiment, of several in one figure, and beside the paper's tables and figures.
from boxsup.experiments.page import (
    comparable,
    final_trimaps,
    finished_searches,
    page_inputs,
    page_settings,
    timed_stages,
    trimap_settings,
)
from boxsup.experiments.paper import PaperPage


def drawn_experiments(wildcards):
    """Those that `A+B` names."""
    return [Experiment(name, CONFIG) for name in wildcards.experiments.split("+")]


def trimaps(wildcards):
    return [path for experiment in drawn_experiments(wildcards) for path in final_trimaps(experiment)]


# Not `canonical`: their order is that of the figure and of the page.
def trimap_config(wildcards):
    return json.dumps(trimap_settings(drawn_experiments(wildcards)))


def timings(wildcards):
    return json.dumps(timed_stages(experiment_of(wildcards)))


rule trimap_plot:
    input:
        trimaps,
    output:
        trimap_page("{experiments}"),
    log:
        STAGES["trimap_plot"].log,
    benchmark:
        STAGES["trimap_plot"].benchmark
    conda:
        "../../envs/boxsup.yaml"
    resources:
        **asks("trimap_plot"),
    params:
        version=STAGES["trimap_plot"].version,
        config=trimap_config,
    shell:
        "boxsup trimap plot --config {params.config:q} --out {output:q} > {log:q} 2>&1"


rule report:
    input:
        lambda wildcards: page_inputs(experiment_of(wildcards)),
    output:
        page=report(
            EXPERIMENT.report,
            caption="../report/experiment.rst",
            category="Experiments",
        ),
        pictures=directory(EXPERIMENT.pictures),
    log:
        STAGES["report"].log,
    benchmark:
        STAGES["report"].benchmark
    conda:
        "../../envs/boxsup.yaml"
    resources:
        **asks("report"),
    params:
        version=STAGES["report"].version,
        config=lambda wildcards: canonical(page_settings(experiment_of(wildcards))),
        train=lambda wildcards: str(experiment_of(wildcards).train.folder),
        val=lambda wildcards: str(experiment_of(wildcards).val.folder),
        folder=folder_of_output,
        epochs=setting("epochs"),
        trained=lambda wildcards: str(ExperimentFolder(experiment_of(wildcards).trained_by).folder),
        # None of these is an input: a page shows what there is, and makes no other experiment run.
        beside=lambda wildcards: canonical(comparable(experiment_of(wildcards))),
        searches=lambda wildcards: canonical(finished_searches(experiment_of(wildcards))),
        timings=timings,
    shell:
        "boxsup report --experiment {wildcards.experiment:q} --config {params.config:q} --train {params.train:q} "
        "--val {params.val:q} --folder {params.folder:q} --trained {params.trained:q} --epochs {params.epochs:q} "
        "--beside {params.beside:q} --timings {params.timings:q} --searches {params.searches:q} "
        "--out {output.page:q} > {log:q} 2>&1"


rule paper:
    input:
        lambda wildcards: PaperPage(wildcards.page, CONFIG).inputs(),
    output:
        page=report(
            PageFolder("{page}").report,
            caption="../report/paper.rst",
            category="The paper",
        ),
        tables=directory(PageFolder("{page}").tables),
    log:
        STAGES["paper"].log,
    benchmark:
        STAGES["paper"].benchmark
    conda:
        "../../envs/boxsup.yaml"
    resources:
        **asks("paper"),
    params:
        version=STAGES["paper"].version,
        found=lambda wildcards: canonical(PaperPage(wildcards.page, CONFIG).evaluations()),
        config=lambda wildcards: canonical(PaperPage(wildcards.page, CONFIG).settings()),
    shell:
        "boxsup paper --page {wildcards.page:q} --config {params.config:q} --results results --tables {output.tables:q} "
        "--out {output.page:q} > {log:q} 2>&1"
