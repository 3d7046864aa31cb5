# Label maps by a trained network, with the settings of inference.
SPLIT_LOG = log_folder("predictions") / "{experiment}/seed-{seed}/{split}/{epoch}"


rule labelling:
    output:
        EXPERIMENT.labelling,
    log:
        STAGES["labelling"].log,
    benchmark:
        STAGES["labelling"].benchmark
    priority: 20  # a network that is still in training can be used as its page will show it
    conda:
        "../../envs/boxsup.yaml"
    resources:
        **asks("labelling"),
    params:
        version=STAGES["labelling"].version,
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
        STAGES["predictions"].log,
    benchmark:
        STAGES["predictions"].benchmark
    conda:
        "../../envs/boxsup.yaml"
    threads: lambda wildcards: experiment_of(wildcards).settings["inference"]["workers"]
    resources:
        **asks("predictions"),
    params:
        version=STAGES["predictions"].version,
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
        f"{SPLIT_LOG}.log",
    benchmark:
        f"{SPLIT_LOG}{BENCHMARK}"


rule comp6:
    input:
        predictions_of_split,
    output:
        RUN.archive("{epoch}", "{split}"),
    log:
        STAGES["comp6"].log,
    benchmark:
        STAGES["comp6"].benchmark
    conda:
        "../../envs/boxsup.yaml"
    resources:
        **asks("comp6"),
    params:
        version=STAGES["comp6"].version,
    shell:
        "boxsup comp6 --predictions {input:q} --split {wildcards.split:q} --out {output:q} > {log:q} 2>&1"
