# The chain of checkpoints: each epoch reads the one before and its generation.


rule network:
    input:
        tables=train_tables,
        init=initial_model,
    output:
        RUN.model(0),
    log:
        log_of("network"),
    benchmark:
        benchmark_of("network")
    priority: 100  # it says at once if a network or its weights cannot be had
    conda:
        "../../envs/torch.yaml"
    resources:
        **asks("network"),
    params:
        version=STAGES["network"].version,
        settings=lambda wildcards: canonical(network_settings(experiment_of(wildcards).settings["network"])),
        folder=folder_of_tables,
        options=initial_options,
    shell:
        "boxsup network --catalogue {params.folder:q} --seed {wildcards.seed:q} --settings {params.settings:q} "
        "{params.options} --out {output:q} > {log:q} 2>&1"


rule epoch:
    input:
        tables=train_tables,
        labels=epoch_labels,
        model=lambda wildcards: epoch_before(wildcards).model,
        optimizer=optimizer_before,
    output:
        model=RUN.epoch("{epoch}").model,
        optimizer=RUN.epoch("{epoch}").optimizer,
        progress=report(
            RUN.epoch("{epoch}").progress,
            caption="../report/table.rst",
            category="Training",
            labels={"experiment": "{experiment}", "seed": "{seed}", "what": "loss and rate, epoch {epoch}"},
        ),
    log:
        log_of("epoch"),
    benchmark:
        benchmark_of("epoch")
    priority: 10
    conda:
        "../../envs/torch.yaml"
    threads: lambda wildcards: training_threads(wildcards) * training_gpus(wildcards)
    resources:
        **asks("epoch"),
        workers=lambda wildcards: experiment_of(wildcards).settings["training"]["workers"],
    params:
        version=STAGES["epoch"].version,
        training=training_settings,
        schedule=setting("schedule"),
        folder=folder_of_tables,
        out=folder_of_output,
        options=options("optimizer"),
        events=str(RUN.events),
    shell:
        "boxsup epoch --catalogue {params.folder:q} --labels {input.labels:q} --model {input.model:q} {params.options} "
        "--epoch {wildcards.epoch:q} --seed {wildcards.seed:q} --training {params.training:q} "
        "--schedule {params.schedule:q} --workers {resources.workers:q} --tensorboard {params.events:q} "
        "--out {params.out:q} > {log:q} 2>&1"
