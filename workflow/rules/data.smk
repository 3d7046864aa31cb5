# From a data set on disk to checked tables.


rule shapes:
    output:
        directory(DataSetFolder("{dataset}").tree),
    log:
        "results/logs/shapes/{dataset}.log",
    benchmark:
        "results/logs/shapes/{dataset}.benchmark.tsv"
    wildcard_constraints:
        dataset=names(DATA.of("shapes")),
    conda:
        "../../envs/boxsup.yaml"
    resources:
        **asks("shapes"),
    params:
        version=STAGE_VERSIONS["shapes"],
        settings=dataset_setting("shapes"),
        classes=dataset_setting("classes"),
    shell:
        "boxsup shapes --settings {params.settings:q} --classes {params.classes:q} --out {output:q} > {log:q} 2>&1"


rule download:
    output:
        DataSetFolder("{dataset}").source,
    log:
        "results/logs/download/{dataset}.log",
    benchmark:
        "results/logs/download/{dataset}.benchmark.tsv"
    wildcard_constraints:
        dataset=names(DATA.of("voc", "context")),
    conda:
        "../../envs/boxsup.yaml"
    resources:
        **asks("download"),
    params:
        version=STAGE_VERSIONS["download"],
        root=root_of,
        download=dataset_setting("download"),
        options=download_options,
    shell:
        "boxsup download --root {params.root:q} --download {params.download:q} {params.options} "
        "--out {output:q} > {log:q} 2>&1"


rule inventory:
    input:
        files_of,
    output:
        SPLIT.inventory,
    log:
        "results/logs/inventory/{dataset}/{split}.log",
    benchmark:
        "results/logs/inventory/{dataset}/{split}.benchmark.tsv"
    wildcard_constraints:
        dataset=names(DATA.read()),
    conda:
        "../../envs/boxsup.yaml"
    threads: 4
    resources:
        **asks("inventory"),
    params:
        version=STAGE_VERSIONS["inventory"],
        format=format_of,
        root=root_of,
        split=dataset_setting("splits", "{split}"),
        classes=dataset_setting("classes"),
        on_problem=dataset_setting("on_problem"),
        source=generated_from,
        since=since,
        folder=folder_of_output,
    shell:
        "boxsup inventory --format {params.format:q} --root {params.root:q} --split {params.split:q} "
        "--classes {params.classes:q} --on-problem {params.on_problem:q} --source {params.source:q} "
        "--since {params.since:q} --workers {threads:q} --out {params.folder:q} > {log:q} 2>&1"


rule catalogue:
    input:
        files_of,
        inventory_of,
    output:
        SPLIT.tables(),
    log:
        "results/logs/catalogue/{dataset}/{split}.log",
    benchmark:
        "results/logs/catalogue/{dataset}/{split}.benchmark.tsv"
    wildcard_constraints:
        dataset=names(DATA.read()),
    conda:
        "../../envs/boxsup.yaml"
    threads: 4
    resources:
        **asks("catalogue"),
    params:
        version=STAGE_VERSIONS["catalogue"],
        format=format_of,
        root=root_of,
        split=dataset_setting("splits", "{split}"),
        classes=dataset_setting("classes"),
        on_problem=dataset_setting("on_problem"),
        folder=folder_of_output,
    shell:
        "boxsup catalogue --format {params.format:q} --root {params.root:q} --split {params.split:q} "
        "--classes {params.classes:q} --on-problem {params.on_problem:q} --workers {threads:q} "
        "--out {params.folder:q} > {log:q} 2>&1"


rule join:
    input:
        part_tables,
    output:
        SPLIT.tables(),
    log:
        "results/logs/join/{dataset}/{split}.log",
    benchmark:
        "results/logs/join/{dataset}/{split}.benchmark.tsv"
    wildcard_constraints:
        dataset=names(DATA.of("union")),
    conda:
        "../../envs/boxsup.yaml"
    resources:
        **asks("join"),
    params:
        version=STAGE_VERSIONS["join"],
        parts=part_folders,
        folder=folder_of_output,
    shell:
        "boxsup join --parts {params.parts:q} --out {params.folder:q} > {log:q} 2>&1"
