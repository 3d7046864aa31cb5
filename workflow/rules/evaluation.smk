# What the network has learned, and which settings held-out images choose.


rule validate:
    input:
        tables=val_tables,
        model=trained_model,
    output:
        RUN.epoch("{epoch}").validation,
    log:
        "results/logs/validate/{experiment}/seed-{seed}/{epoch}.log",
    benchmark:
        "results/logs/validate/{experiment}/seed-{seed}/{epoch}.benchmark.tsv"
    conda:
        "../../envs/boxsup.yaml"
    threads: lambda wildcards: experiment_of(wildcards).settings["training"]["threads"]
    resources:
        **asks("validate"),
    params:
        version=STAGE_VERSIONS["validate"],
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
        RUN.evaluation("{epoch}"),
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
        masks=val_masks("evaluation"),
        held_out=held_out,
        folder=folder_of_tables,
    shell:
        "boxsup evaluation --catalogue {params.folder:q} --predictions {input.predictions:q} {params.held_out} "
        "--out {output:q} > {log:q} 2>&1"


rule trimap:
    input:
        tables=val_tables,
        predictions=RUN.predictions("{epoch}"),
    output:
        RUN.trimap("{epoch}"),
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
        masks=val_masks("trimap"),
        held_out=held_out,
        folder=folder_of_tables,
    shell:
        "boxsup trimap measure --catalogue {params.folder:q} --predictions {input.predictions:q} {params.held_out} "
        "--out {output:q} > {log:q} 2>&1"


rule crf_search:
    input:
        tables=val_tables,
        model=trained_model,
    output:
        RUN.crf_search("{epoch}"),
    log:
        "results/logs/crf_search/{experiment}/seed-{seed}/{epoch}.log",
    benchmark:
        "results/logs/crf_search/{experiment}/seed-{seed}/{epoch}.benchmark.tsv"
    conda:
        "../../envs/boxsup.yaml"
    threads: lambda wildcards: experiment_of(wildcards).settings["inference"]["workers"]
    resources:
        **asks("crf_search"),
    params:
        version=STAGE_VERSIONS["crf-search"],
        masks=val_masks("crf-search"),
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
        search_table("{search}"),
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
        points=lambda wildcards: canonical({"points": search_of(wildcards).points()}),
        held_out=lambda wildcards: held_out_options(search_of(wildcards).first),
        folder=folder_of_tables,
    shell:
        "boxsup search --catalogue {params.folder:q} --points {params.points:q} {params.held_out} "
        "--out {output:q} > {log:q} 2>&1"
