# Label maps by a trained network, with the settings of inference.


def predictions_of_split(wildcards):
    """Predictions of any split: those of the split that scores are over are made anyway."""
    split = None if wildcards.split == experiment_of(wildcards).val.split else wildcards.split
    return RUN.predictions("{epoch}", split)


rule labelling:
    output:
        EXPERIMENT.labelling,
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
        tables=val_tables,
        model=trained_model,
    output:
        directory(RUN.predictions("{epoch}")),
    log:
        "results/logs/predictions/{experiment}/seed-{seed}/{epoch}.log",
    benchmark:
        "results/logs/predictions/{experiment}/seed-{seed}/{epoch}.benchmark.tsv"
    conda:
        "../../envs/boxsup.yaml"
    threads: lambda wildcards: experiment_of(wildcards).settings["inference"]["workers"]
    resources:
        **asks("predictions"),
    params:
        version=STAGE_VERSIONS["predictions"],
        inference=inference("predictions"),
        folder=folder_of_tables,
    shell:
        "boxsup predictions --catalogue {params.folder:q} --model {input.model:q} --inference {params.inference:q} "
        "--workers {threads:q} --out {output:q} > {log:q} 2>&1"


use rule predictions as split_predictions with:
    input:
        tables=split_tables,
        model=trained_model,
    output:
        directory(RUN.predictions("{epoch}", "{split}")),
    log:
        "results/logs/predictions/{experiment}/seed-{seed}/{split}/{epoch}.log",
    benchmark:
        "results/logs/predictions/{experiment}/seed-{seed}/{split}/{epoch}.benchmark.tsv"


rule comp6:
    input:
        predictions_of_split,
    output:
        RUN.archive("{epoch}", "{split}"),
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
