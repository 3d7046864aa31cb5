# What the network has learned, and which settings held-out images choose.


rule validate:
    input:
        tables=val_tables,
        model=trained_model,
    output:
        report(
            RUN.epoch("{epoch}").validation,
            caption="../report/table.rst",
            category="Experiments",
            labels={"experiment": "{experiment}", "seed": "{seed}", "what": "score of epoch {epoch}"},
        ),
    log:
        log_of("validate"),
    benchmark:
        benchmark_of("validate")
    conda:
        "../../envs/torch.yaml"
    threads: training_threads
    resources:
        **asks("validate"),
    params:
        version=STAGES["validate"].version,
        masks=val_masks("validate"),
        inference=inference("validate"),
        held_out=held_out,
        folder=folder_of_tables,
    shell:
        "boxsup validate --catalogue {params.folder:q} --model {input.model:q} --inference {params.inference:q} "
        "{params.held_out} --out {output:q} > {log:q} 2>&1"


rule evaluation:
    input:
        tables=val_tables,
        predictions=RUN.predictions("{epoch}"),
    output:
        scores=report(
            RUN.evaluation("{epoch}"),
            caption="../report/table.rst",
            category="Experiments",
            labels={"experiment": "{experiment}", "seed": "{seed}", "what": "IoU of each class, epoch {epoch}"},
        ),
        settings=RUN.scored("{epoch}"),
    log:
        log_of("evaluation"),
    benchmark:
        benchmark_of("evaluation")
    conda:
        "../../envs/small.yaml"
    threads: inference_workers
    resources:
        **asks("evaluation"),
    params:
        version=STAGES["evaluation"].version,
        masks=val_masks("evaluation"),
        held_out=held_out,
        folder=folder_of_tables,
        settings=lambda wildcards: canonical(scored_settings(experiment_of(wildcards))),
    shell:
        "boxsup evaluation --catalogue {params.folder:q} --predictions {input.predictions:q} {params.held_out} "
        "--workers {threads:q} --settings {params.settings:q} --out {output.scores:q} > {log:q} 2>&1"


rule trimap:
    input:
        tables=val_tables,
        predictions=RUN.predictions("{epoch}"),
    output:
        report(
            RUN.trimap("{epoch}"),
            caption="../report/table.rst",
            category="Experiments",
            labels={"experiment": "{experiment}", "seed": "{seed}", "what": "errors near boundaries, epoch {epoch}"},
        ),
    log:
        log_of("trimap"),
    benchmark:
        benchmark_of("trimap")
    conda:
        "../../envs/small.yaml"
    threads: inference_workers
    resources:
        **asks("trimap"),
    params:
        version=STAGES["trimap"].version,
        masks=val_masks("trimap"),
        held_out=held_out,
        folder=folder_of_tables,
    shell:
        "boxsup trimap measure --catalogue {params.folder:q} --predictions {input.predictions:q} {params.held_out} "
        "--workers {threads:q} --out {output:q} > {log:q} 2>&1"


rule crf_search:
    input:
        tables=tables_to_search_on,
        model=trained_model,
    output:
        report(
            RUN.crf_search("{epoch}"),
            caption="../report/table.rst",
            category="Experiments",
            labels={"experiment": "{experiment}", "seed": "{seed}", "what": "search for the weights of the CRF"},
        ),
    log:
        log_of("crf_search"),
    benchmark:
        benchmark_of("crf_search")
    conda:
        "../../envs/torch.yaml"
    threads: inference_workers
    resources:
        **asks("crf_search"),
    params:
        version=STAGES["crf_search"].version,
        masks=val_masks("crf_search"),
        inference=inference("crf_search"),
        held_out=held_out,
        folder=folder_of_tables,
    shell:
        "boxsup crf-search --catalogue {params.folder:q} --model {input.model:q} --inference {params.inference:q} "
        "{params.held_out} --workers {threads:q} --out {output:q} > {log:q} 2>&1"


rule search:
    input:
        tables=lambda wildcards: search_of(wildcards).first.val.tables(),
        predictions=lambda wildcards: search_of(wildcards).predictions(),
    output:
        report(
            search_table("{search}"),
            caption="../report/table.rst",
            category="Searches",
            labels={"experiment": "{search}", "what": "search"},
        ),
    log:
        log_of("search"),
    benchmark:
        benchmark_of("search")
    conda:
        "../../envs/small.yaml"
    threads: inference_workers
    resources:
        **asks("search"),
    params:
        version=STAGES["search"].version,
        masks=search_masks,
        points=lambda wildcards: canonical({"points": search_of(wildcards).points()}),
        held_out=lambda wildcards: held_out_options(search_of(wildcards).first),
        folder=folder_of_tables,
    shell:
        "boxsup search --catalogue {params.folder:q} --points {params.points:q} {params.held_out} "
        "--workers {threads:q} --out {output:q} > {log:q} 2>&1"
