# Label maps by a trained network, with the settings of inference.


rule labelling:
    output:
        EXPERIMENT.labelling,
    log:
        log_of("labelling"),
    benchmark:
        benchmark_of("labelling")
    priority: 20  # a network that is still in training can be used as its page will show it
    conda:
        "../../envs/small.yaml"
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
        log_of("predictions"),
    benchmark:
        benchmark_of("predictions")
    conda:
        "../../envs/torch.yaml"
    threads: inference_workers
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
        log_of("predictions").replace("{epoch}", "{split}/{epoch}"),
    benchmark:
        benchmark_of("predictions").replace("{epoch}", "{split}/{epoch}")


rule comp6:
    input:
        predictions_of_split,
    output:
        RUN.archive("{epoch}", "{split}"),
    log:
        log_of("comp6"),
    benchmark:
        benchmark_of("comp6")
    conda:
        "../../envs/small.yaml"
    resources:
        **asks("comp6"),
    params:
        version=STAGES["comp6"].version,
    shell:
        "boxsup comp6 --predictions {input:q} --split {wildcards.split:q} --out {output:q} > {log:q} 2>&1"
