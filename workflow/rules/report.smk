# Pages: of an experiment, of several in one figure, and beside the paper's tables and figures.
rule trimap_plot:
    input:
        lambda wildcards: [path for own in drawn_experiments(wildcards) for path in page.final_trimaps(own)],
    output:
        report(
            trimap_page("{experiments}"),
            caption="../report/trimap.rst",
            category="Experiments",
            labels={"experiment": "{experiments}", "what": "errors near boundaries"},
        ),
    log:
        log_of("trimap_plot"),
    benchmark:
        benchmark_of("trimap_plot")
    conda:
        "../../envs/small.yaml"
    resources:
        **asks("trimap_plot"),
    params:
        version=STAGES["trimap_plot"].version,
        # Not `canonical`: their order is that of the figure.
        config=lambda wildcards: json.dumps(page.trimap_settings(drawn_experiments(wildcards))),
    shell:
        "boxsup trimap plot --config {params.config:q} --out {output:q} > {log:q} 2>&1"


rule report:
    input:
        lambda wildcards: page.page_inputs(experiment_of(wildcards)),
    output:
        page=report(
            EXPERIMENT.report,
            caption="../report/experiment.rst",
            category="Experiments",
            labels={"experiment": "{experiment}", "what": "page"},
        ),
        pictures=directory(EXPERIMENT.pictures),
    log:
        log_of("report"),
    benchmark:
        benchmark_of("report")
    conda:
        "../../envs/small.yaml"
    resources:
        **asks("report"),
    params:
        version=STAGES["report"].version,
        config=lambda wildcards: canonical(page.page_settings(experiment_of(wildcards))),
        train=lambda wildcards: str(experiment_of(wildcards).train.folder),
        val=lambda wildcards: str(experiment_of(wildcards).val.folder),
        folder=folder_of_output,
        epochs=setting("epochs"),
        trained=lambda wildcards: str(ExperimentFolder(experiment_of(wildcards).trained_by).folder),
        # None of these is an input: a page shows what there is, and makes no other experiment run.
        beside=lambda wildcards: canonical(page.comparable(experiment_of(wildcards))),
        found=lambda wildcards: canonical(page.found_beside(experiment_of(wildcards))),  # for Snakemake alone
        searches=lambda wildcards: canonical(page.finished_searches(experiment_of(wildcards))),
        timings=lambda wildcards: json.dumps(page.timed_stages(experiment_of(wildcards))),
    shell:
        "boxsup report --experiment {wildcards.experiment:q} --config {params.config:q} --train {params.train:q} "
        "--val {params.val:q} --folder {params.folder:q} --trained {params.trained:q} --epochs {params.epochs:q} "
        "--beside {params.beside:q} --timings {params.timings:q} --searches {params.searches:q} "
        "--out {output.page:q} > {log:q} 2>&1"


rule paper:
    input:
        lambda wildcards: page_of(wildcards).inputs(),
    output:
        page=report(
            PageFolder("{page}").report,
            caption="../report/paper.rst",
            category="The paper",
            labels={"page": "{page}", "what": "page"},
        ),
        tables=report(
            directory(PageFolder("{page}").tables),
            patterns=["{table}.csv"],
            caption="../report/paper.rst",
            category="The paper",
            labels={"page": "{page}", "what": "{table}"},
        ),
    log:
        log_of("paper"),
    benchmark:
        benchmark_of("paper")
    conda:
        "../../envs/small.yaml"
    resources:
        **asks("paper"),
    params:
        version=STAGES["paper"].version,
        found=lambda wildcards: canonical(page_of(wildcards).evaluations()),
        config=lambda wildcards: canonical(page_of(wildcards).settings()),
    shell:
        "boxsup paper --page {wildcards.page:q} --config {params.config:q} --results results --tables {output.tables:q} "
        "--out {output.page:q} > {log:q} 2>&1"
