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
    params:
        version=STAGE_VERSIONS["network"],
        settings=setting("network"),
        folder=tables_folder,
        options=initial_options,
    shell:
        "boxsup network --catalogue {params.folder} --seed {wildcards.seed} --settings {params.settings:q} "
        "{params.options} --out {output} > {log} 2>&1"


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
    threads: lambda wildcards: experiment_of(wildcards)["training"]["threads"]
    resources:
        gpu=1,
        workers=lambda wildcards: experiment_of(wildcards)["training"]["workers"],
    params:
        version=STAGE_VERSIONS["epoch"],
        training=training_settings,
        schedule=setting("schedule"),
        folder=tables_folder,
        out=lambda wildcards, output: str(Path(output.model).parent),
        options=lambda wildcards, input: (f"--optimizer {input.optimizer}" if input.optimizer else ""),
        events=f"{SEED}/tensorboard",
    shell:
        "boxsup epoch --catalogue {params.folder} --labels {input.labels} --model {input.model} {params.options} "
        "--epoch {wildcards.epoch} --seed {wildcards.seed} --training {params.training:q} "
        "--schedule {params.schedule:q} --workers {resources.workers} --tensorboard {params.events} --out {params.out} > {log} 2>&1"
