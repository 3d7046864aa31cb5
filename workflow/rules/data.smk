# From a data set on disk to checked tables.


rule shapes:
    output:
        directory(DataSetFolder("{dataset}").tree),
    log:
        log_of("shapes"),
    benchmark:
        benchmark_of("shapes")
    wildcard_constraints:
        dataset=names(DATA.of_format("shapes")),
    conda:
        "../../envs/small.yaml"
    resources:
        **asks("shapes"),
    params:
        version=STAGES["shapes"].version,
        settings=dataset_setting("shapes"),
        classes=dataset_setting("classes"),
    shell:
        "boxsup shapes --settings {params.settings:q} --classes {params.classes:q} --out {output:q} > {log:q} 2>&1"


rule download:
    output:
        DataSetFolder("{dataset}").source,
    log:
        log_of("download"),
    benchmark:
        benchmark_of("download")
    wildcard_constraints:
        dataset=names(DATA.of_format("voc", "context")),
    conda:
        "../../envs/small.yaml"
    resources:
        **asks("download"),
    params:
        version=STAGES["download"].version,
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
        log_of("inventory"),
    benchmark:
        benchmark_of("inventory")
    wildcard_constraints:
        dataset=names(DATA.with_files()),
    priority: 50  # what is wrong with files is said before anything is made of others
    conda:
        "../../envs/small.yaml"
    threads: 4
    resources:
        **asks("inventory"),
    params:
        version=STAGES["inventory"].version,
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
        SPLIT.inventory,
    output:
        SPLIT.tables(),
    log:
        log_of("catalogue"),
    benchmark:
        benchmark_of("catalogue")
    wildcard_constraints:
        dataset=names(DATA.with_files()),
    priority: 50  # what is wrong with files is said before anything is made of others
    conda:
        "../../envs/small.yaml"
    threads: 4
    resources:
        **asks("catalogue"),
    params:
        version=STAGES["catalogue"].version,
        format=format_of,
        root=root_of,
        split=dataset_setting("splits", "{split}"),
        classes=dataset_setting("classes"),
        on_problem=dataset_setting("on_problem"),
        megapixels=megapixels_of,
        folder=folder_of_output,
    shell:
        "boxsup catalogue --format {params.format:q} --root {params.root:q} --split {params.split:q} "
        "--classes {params.classes:q} --on-problem {params.on_problem:q} --megapixels {params.megapixels:q} "
        "--workers {threads:q} "
        "--out {params.folder:q} > {log:q} 2>&1"


rule join:
    input:
        part_tables,
    output:
        SPLIT.tables(),
    log:
        log_of("join"),
    benchmark:
        benchmark_of("join")
    wildcard_constraints:
        dataset=names(DATA.of_format("union")),
    priority: 50  # what is wrong with files is said before anything is made of others
    conda:
        "../../envs/small.yaml"
    resources:
        **asks("join"),
    params:
        version=STAGES["join"].version,
        parts=part_folders,
        folder=folder_of_output,
    shell:
        "boxsup join --parts {params.parts:q} --out {params.folder:q} > {log:q} 2>&1"
