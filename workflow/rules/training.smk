# The chain of checkpoints: each epoch reads the one before and its generation.


rule network:
    input:
        tables=catalogue_of("train"),
        init=initial_model,
    output:
        f"{SEED}/epochs/000/model.pt",
    log:
        "results/logs/network/{experiment}/seed-{seed}.log",
    benchmark:
        "results/logs/network/{experiment}/seed-{seed}.benchmark.tsv"
    conda:
        "../../envs/boxsup.yaml"
    resources:
        **asks("network"),
    params:
        version=STAGE_VERSIONS["network"],
        settings=setting("network"),
        folder=tables_folder,
        options=initial_options,
    shell:
        "boxsup network --catalogue {params.folder:q} --seed {wildcards.seed:q} --settings {params.settings:q} "
        "{params.options} --out {output:q} > {log:q} 2>&1"


rule epoch:
    input:
        tables=catalogue_of("train"),
        labels=epoch_labels,
        model=previous_model,
        optimizer=previous_optimizer,
    output:
        model=f"{SEED}/epochs/{{epoch}}/model.pt",
        optimizer=f"{SEED}/epochs/{{epoch}}/optimizer.pt",
        progress=f"{SEED}/epochs/{{epoch}}/train.csv",
    log:
        "results/logs/epoch/{experiment}/seed-{seed}/{epoch}.log",
    benchmark:
        "results/logs/epoch/{experiment}/seed-{seed}/{epoch}.benchmark.tsv"
    priority: 10
    conda:
        "../../envs/boxsup.yaml"
    threads: lambda wildcards: experiment_of(wildcards)["training"]["threads"] * training_gpus(wildcards)
    resources:
        **asks("epoch"),
        workers=lambda wildcards: experiment_of(wildcards)["training"]["workers"],
    params:
        version=STAGE_VERSIONS["epoch"],
        training=training_settings,
        schedule=setting("schedule"),
        folder=tables_folder,
        out=lambda wildcards, output: str(Path(output.model).parent),
        options=lambda wildcards, input: option("optimizer", input.optimizer),
        events=f"{SEED}/tensorboard",
    shell:
        "boxsup epoch --catalogue {params.folder:q} --labels {input.labels:q} --model {input.model:q} {params.options} "
        "--epoch {wildcards.epoch:q} --seed {wildcards.seed:q} --training {params.training:q} "
        "--schedule {params.schedule:q} --workers {resources.workers:q} --tensorboard {params.events:q} "
        "--out {params.out:q} > {log:q} 2>&1"
