# Masks that never change, and the generations of pseudo-masks.


rule fixed_masks:
    input:
        SPLIT.tables()[:2],
    output:
        directory(SPLIT.masks("{kind}")),
    log:
        log_of("fixed_masks"),
    benchmark:
        benchmark_of("fixed_masks")
    wildcard_constraints:
        kind=names(("truth", *FIXED_KINDS)),
    conda:
        "../../envs/torch.yaml"
    threads: lambda wildcards: 4 if wildcards.kind.startswith(("grabcut", "bbox_seg")) else 1
    resources:
        **asks("fixed_masks"),
    params:
        version=STAGES["fixed_masks"].version,
        masks=kept_masks,
        folder=folder_of_tables,
    shell:
        "boxsup fixed-masks --catalogue {params.folder:q} --kind {wildcards.kind:q} --workers {threads:q} "
        "--out {output:q} > {log:q} 2>&1"


rule objects:
    input:
        tables=train_tables,
        proposals=lambda wildcards: experiment_of(wildcards).pools(),
        overlaps=lambda wildcards: experiment_of(wildcards).overlaps(),
        before=object_maps_before,
        truth=lambda wildcards: experiment_of(wildcards).true_masks(),
        masked=masked_tables,
        reviewed=reviewed_decisions,
    output:
        network=RUN.object_network("{turn}", *SHARD),
        maps=directory(RUN.object_maps("{turn}", *SHARD)),
    log:
        log_of("objects"),
    benchmark:
        benchmark_of("objects")
    wildcard_constraints:
        turn=r"[1-9]\d*",
    priority: 10
    conda:
        "../../envs/torch.yaml"
    threads: lambda wildcards: experiment_of(wildcards).settings["objects"]["threads"]
    resources:
        **asks("objects"),
    params:
        version=STAGES["objects"].version,
        settings=object_settings_of,
        choice=lesson_settings_of,
        folder=folder_of_tables,
        options=object_options,
    shell:
        "boxsup objects --catalogue {params.folder:q} --part {wildcards.i:q}/{wildcards.n:q} --seed {wildcards.seed:q} "
        "--settings {params.settings:q} --update {params.choice:q} --proposals {input.proposals:q} "
        "--overlaps {input.overlaps:q} {params.options} --maps {output.maps:q} --out {output.network:q} > {log:q} 2>&1"


rule labels:
    input:
        tables=train_tables,
        proposals=lambda wildcards: experiment_of(wildcards).pools(),
        overlaps=lambda wildcards: experiment_of(wildcards).overlaps(),
        objects=lambda wildcards: experiment_of(wildcards).object_maps(wildcards.seed),
        model=asked_model,
        fixed=lambda wildcards: experiment_of(wildcards).fixed_masks(),
        truth=lambda wildcards: experiment_of(wildcards).true_masks(),
        masked=masked_tables,
        reviewed=reviewed_decisions,
    output:
        directory(RUN.labels("{epoch}")),
    log:
        log_of("labels"),
    benchmark:
        benchmark_of("labels")
    priority: 10
    conda:
        "../../envs/torch.yaml"
    threads: lambda wildcards: max(training_threads(wildcards), training_workers(wildcards))
    resources:
        **asks("labels"),
    params:
        version=STAGES["labels"].version,
        settings=update_settings,  # this and the next stand in `options`, whose changes Snakemake does not see
        scales=asked_scales,
        torch_threads=setting("training", "threads"),
        folder=folder_of_tables,
        options=label_options,
    shell:
        "boxsup labels --catalogue {params.folder:q} --generation {wildcards.epoch:q} --seed {wildcards.seed:q} "
        "--threads {params.torch_threads:q} --proposals {input.proposals:q} "
        "--overlaps {input.overlaps:q} {params.options} --workers {threads:q} --out {output:q} > {log:q} 2>&1"


rule label_quality:
    input:
        tables=train_tables,
        labels=RUN.labels("{epoch}"),
        previous=generation_before,
        first=first_quality,
    output:
        report(
            RUN.quality("{epoch}"),
            caption="../report/table.rst",
            category="Training",
            labels={"experiment": "{experiment}", "seed": "{seed}", "what": "quality of labels, epoch {epoch}"},
        ),
    log:
        log_of("label_quality"),
    benchmark:
        benchmark_of("label_quality")
    conda:
        "../../envs/small.yaml"
    threads: training_workers
    resources:
        **asks("label_quality"),
    params:
        version=STAGES["label_quality"].version,
        masks=train_masks("label_quality"),
        folder=folder_of_tables,
        options=options("previous", "first"),
    shell:
        "boxsup label-quality --catalogue {params.folder:q} --labels {input.labels:q} {params.options} "
        "--workers {threads:q} --out {output:q} > {log:q} 2>&1"
