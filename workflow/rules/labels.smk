# Masks that never change, and the generations of pseudo-masks.


rule fixed_masks:
    input:
        multiext(f"{SPLIT}/", "images.csv", "boxes.csv"),
    output:
        directory(f"{SPLIT}/masks/{{kind}}.zarr"),
    log:
        "results/logs/fixed_masks/{dataset}/{split}/{kind}.log",
    benchmark:
        "results/logs/fixed_masks/{dataset}/{split}/{kind}.benchmark.tsv"
    wildcard_constraints:
        kind="truth|rectangles|grabcut|bbox_seg",
    conda:
        "../../envs/boxsup.yaml"
    threads: lambda wildcards: 4 if wildcards.kind in ("grabcut", "bbox_seg") else 1
    resources:
        **asks("fixed_masks"),
    params:
        version=STAGE_VERSIONS["fixed-masks"],
        masks=kept_masks,
        folder=tables_folder,
    shell:
        "boxsup fixed-masks --catalogue {params.folder:q} --kind {wildcards.kind:q} --workers {threads:q} "
        "--out {output:q} > {log:q} 2>&1"


rule labels:
    input:
        tables=catalogue_of("train"),
        proposals=shards("proposals"),
        overlaps=shards("overlaps"),
        model=asking_model,
        fixed=fixed_masks,
        truth=true_masks,
        masked=masked_tables,
    output:
        directory(f"{SEED}/labels/{{epoch}}.zarr"),
    log:
        "results/logs/labels/{experiment}/seed-{seed}/{epoch}.log",
    benchmark:
        "results/logs/labels/{experiment}/seed-{seed}/{epoch}.benchmark.tsv"
    priority: 10
    conda:
        "../../envs/boxsup.yaml"
    threads: lambda wildcards: experiment_of(wildcards)["training"]["threads"]
    resources:
        **asks("labels"),
    params:
        version=STAGE_VERSIONS["labels"],
        settings=update_settings,  # this and the next stand in `options`, whose changes Snakemake does not see
        scales=asking_scales,
        torch_threads=setting("training", "threads"),
        folder=tables_folder,
        options=label_options,
    shell:
        "boxsup labels --catalogue {params.folder:q} --generation {wildcards.epoch:q} --seed {wildcards.seed:q} "
        "--threads {params.torch_threads:q} --proposals {input.proposals:q} "
        "--overlaps {input.overlaps:q} {params.options} --out {output:q} > {log:q} 2>&1"


rule label_quality:
    input:
        tables=catalogue_of("train"),
        labels=f"{SEED}/labels/{{epoch}}.zarr",
        previous=previous_generation,
        first=first_quality,
    output:
        f"{SEED}/labels/{{epoch}}.csv",
    log:
        "results/logs/label_quality/{experiment}/seed-{seed}/{epoch}.log",
    benchmark:
        "results/logs/label_quality/{experiment}/seed-{seed}/{epoch}.benchmark.tsv"
    conda:
        "../../envs/boxsup.yaml"
    resources:
        **asks("label_quality"),
    params:
        version=STAGE_VERSIONS["label-quality"],
        masks=role_masks("train", "label-quality"),
        folder=tables_folder,
        options=lambda wildcards, input: " ".join(
            option(name, input.get(name)) for name in ("previous", "first") if input.get(name)
        ),
    shell:
        "boxsup label-quality --catalogue {params.folder:q} --labels {input.labels:q} {params.options} "
        "--out {output:q} > {log:q} 2>&1"
