# What the network has learned, and the page that says so.


rule validate:
    input:
        tables=catalogue_of("val"),
        model=trained_model,
    output:
        f"{SEED}/epochs/{{epoch}}/val.csv",
    log:
        "results/logs/validate/{experiment}/seed-{seed}/{epoch}.log",
    benchmark:
        "results/logs/validate/{experiment}/seed-{seed}/{epoch}.benchmark.tsv"
    conda:
        "../../envs/boxsup.yaml"
    threads: lambda wildcards: experiment_of(wildcards)["training"]["threads"]
    resources:
        **asks("validate"),
    params:
        version=STAGE_VERSIONS["validate"],
        masks=role_masks("val", "validate"),
        torch_threads=setting("training", "threads"),
        scales=scales,
        bias=setting("inference", "background_bias"),
        held_out=held_out,
        folder=tables_folder,
    shell:
        "boxsup validate --catalogue {params.folder:q} --model {input.model:q} --threads {params.torch_threads:q} "
        "--scales {params.scales:q} --background-bias {params.bias:q} "
        "{params.held_out} --out {output:q} > {log:q} 2>&1"


rule labelling:
    output:
        "results/{experiment}/labelling.json",
    log:
        "results/logs/labelling/{experiment}.log",
    benchmark:
        "results/logs/labelling/{experiment}.benchmark.tsv"
    priority: 20  # a network that is still in training can be used as its page will show it
    conda:
        "../../envs/boxsup.yaml"
    resources:
        **asks("labelling"),
    params:
        version=STAGE_VERSIONS["labelling"],
        settings=labelling,
    shell:
        "boxsup labelling --settings {params.settings:q} --out {output:q} > {log:q} 2>&1"


rule predictions:
    input:
        tables=catalogue_of("val"),
        model=trained_model,
    output:
        directory(f"{SEED}/predictions/{{epoch}}.zarr"),
    log:
        "results/logs/predictions/{experiment}/seed-{seed}/{epoch}.log",
    benchmark:
        "results/logs/predictions/{experiment}/seed-{seed}/{epoch}.benchmark.tsv"
    conda:
        "../../envs/boxsup.yaml"
    threads: lambda wildcards: experiment_of(wildcards)["inference"]["workers"]
    resources:
        **asks("predictions"),
    params:
        version=STAGE_VERSIONS["predictions"],
        torch_threads=setting("training", "threads"),
        scales=scales,
        bias=setting("inference", "background_bias"),
        settings=setting("inference", "crf"),
        folder=tables_folder,
    shell:
        "boxsup predictions --catalogue {params.folder:q} --model {input.model:q} --threads {params.torch_threads:q} "
        "--scales {params.scales:q} --background-bias {params.bias:q} "
        "--crf {params.settings:q} --workers {threads:q} --out {output:q} > {log:q} 2>&1"


use rule predictions as split_predictions with:
    input:
        tables=split_tables,
        model=trained_model,
    output:
        directory(f"{SEED}/predictions/{{split}}/{{epoch}}.zarr"),
    log:
        "results/logs/predictions/{experiment}/seed-{seed}/{split}/{epoch}.log",
    benchmark:
        "results/logs/predictions/{experiment}/seed-{seed}/{split}/{epoch}.benchmark.tsv"


rule crf_search:
    input:
        tables=catalogue_of("val"),
        model=trained_model,
    output:
        f"{SEED}/crf_search/{{epoch}}.csv",
    log:
        "results/logs/crf_search/{experiment}/seed-{seed}/{epoch}.log",
    benchmark:
        "results/logs/crf_search/{experiment}/seed-{seed}/{epoch}.benchmark.tsv"
    conda:
        "../../envs/boxsup.yaml"
    threads: lambda wildcards: experiment_of(wildcards)["inference"]["workers"]
    resources:
        **asks("crf_search"),
    params:
        version=STAGE_VERSIONS["crf-search"],
        masks=role_masks("val", "crf-search"),
        torch_threads=setting("training", "threads"),
        scales=scales,
        bias=setting("inference", "background_bias"),
        fixed=fixed_crf,
        search=setting("inference", "crf_search"),
        held_out=held_out,
        folder=tables_folder,
    shell:
        "boxsup crf-search --catalogue {params.folder:q} --model {input.model:q} --threads {params.torch_threads:q} "
        "--scales {params.scales:q} --background-bias {params.bias:q} "
        "--crf {params.fixed:q} --search {params.search:q} {params.held_out} "
        "--workers {threads:q} --out {output:q} > {log:q} 2>&1"


rule search:
    input:
        unpack(search_inputs),
    output:
        "results/{search}/search.csv",
    log:
        "results/logs/search/{search}.log",
    benchmark:
        "results/logs/search/{search}.benchmark.tsv"
    conda:
        "../../envs/boxsup.yaml"
    resources:
        **asks("search"),
    params:
        version=STAGE_VERSIONS["search"],
        masks=search_masks,
        points=lambda wildcards: canonical({"points": searched_points(wildcards.search)}),
        held_out=search_held_out,
        folder=tables_folder,
    shell:
        "boxsup search --catalogue {params.folder:q} --points {params.points:q} {params.held_out} "
        "--out {output:q} > {log:q} 2>&1"


rule comp6:
    input:
        predictions_of_split,
    output:
        f"{SEED}/comp6/{{split}}/{{epoch}}.tar",
    log:
        "results/logs/comp6/{experiment}/seed-{seed}/{split}/{epoch}.log",
    benchmark:
        "results/logs/comp6/{experiment}/seed-{seed}/{split}/{epoch}.benchmark.tsv"
    conda:
        "../../envs/boxsup.yaml"
    resources:
        **asks("comp6"),
    params:
        version=STAGE_VERSIONS["comp6"],
    shell:
        "boxsup comp6 --predictions {input:q} --split {wildcards.split:q} --out {output:q} > {log:q} 2>&1"


rule evaluation:
    input:
        tables=catalogue_of("val"),
        predictions=f"{SEED}/predictions/{{epoch}}.zarr",
    output:
        f"{SEED}/evaluation/{{epoch}}.csv",
    log:
        "results/logs/evaluation/{experiment}/seed-{seed}/{epoch}.log",
    benchmark:
        "results/logs/evaluation/{experiment}/seed-{seed}/{epoch}.benchmark.tsv"
    conda:
        "../../envs/boxsup.yaml"
    resources:
        **asks("evaluation"),
    params:
        version=STAGE_VERSIONS["evaluation"],
        masks=role_masks("val", "evaluation"),
        held_out=held_out,
        folder=tables_folder,
    shell:
        "boxsup evaluation --catalogue {params.folder:q} --predictions {input.predictions:q} {params.held_out} "
        "--out {output:q} > {log:q} 2>&1"


rule trimap:
    input:
        tables=catalogue_of("val"),
        predictions=f"{SEED}/predictions/{{epoch}}.zarr",
    output:
        f"{SEED}/trimap/{{epoch}}.csv",
    log:
        "results/logs/trimap/{experiment}/seed-{seed}/{epoch}.log",
    benchmark:
        "results/logs/trimap/{experiment}/seed-{seed}/{epoch}.benchmark.tsv"
    conda:
        "../../envs/boxsup.yaml"
    resources:
        **asks("trimap"),
    params:
        version=STAGE_VERSIONS["trimap"],
        masks=role_masks("val", "trimap"),
        held_out=held_out,
        folder=tables_folder,
    shell:
        "boxsup trimap measure --catalogue {params.folder:q} --predictions {input.predictions:q} {params.held_out} "
        "--out {output:q} > {log:q} 2>&1"


rule trimap_plot:
    input:
        compared_trimaps,
    output:
        "results/trimap/{experiments}.html",
    log:
        "results/logs/trimap_plot/{experiments}.log",
    benchmark:
        "results/logs/trimap_plot/{experiments}.benchmark.tsv"
    conda:
        "../../envs/boxsup.yaml"
    resources:
        **asks("trimap_plot"),
    params:
        version=STAGE_VERSIONS["trimap-plot"],
        config=trimap_config,
    shell:
        "boxsup trimap plot --config {params.config:q} --out {output:q} > {log:q} 2>&1"


rule report:
    input:
        report_inputs,
    output:
        page=report(
            "results/{experiment}/report.html",
            caption="../report/experiment.rst",
            category="Experiments",
        ),
        pictures=directory("results/{experiment}/pictures"),
    log:
        "results/logs/report/{experiment}.log",
    benchmark:
        "results/logs/report/{experiment}.benchmark.tsv"
    conda:
        "../../envs/boxsup.yaml"
    resources:
        **asks("report"),
    params:
        version=STAGE_VERSIONS["report"],
        config=report_config,
        train=folder_of("train"),
        val=folder_of("val"),
        folder=lambda wildcards, output: str(Path(output[0]).parent),
        epochs=setting("epochs"),
        trained=lambda wildcards: f"results/{trained_by(wildcards.experiment)}",
        # None is an input: a page shows what there is of them, and makes nobody run another experiment.
        beside=comparable_experiments,
        searches=searches_of,
        timings=timed_stages,
    shell:
        "boxsup report --experiment {wildcards.experiment:q} --config {params.config:q} --train {params.train:q} "
        "--val {params.val:q} --folder {params.folder:q} --trained {params.trained:q} --epochs {params.epochs:q} "
        "--beside {params.beside:q} --timings {params.timings:q} --searches {params.searches:q} "
        "--out {output.page:q} > {log:q} 2>&1"
