# Candidate segments and their overlaps with the boxes: once a data set, shared by experiments and seeds.


rule proposals:
    input:
        f"{SPLIT}/images.csv",
        imported_files,
    output:
        directory(f"{SPLIT}/proposals/{{proposals}}/{{i}}-of-{{n}}.zarr"),
    log:
        "results/logs/proposals/{dataset}/{split}/{proposals}/{i}-of-{n}.log",
    benchmark:
        "results/logs/proposals/{dataset}/{split}/{proposals}/{i}-of-{n}.benchmark.tsv"
    conda:
        "../../envs/boxsup.yaml"
    params:
        version=STAGE_VERSIONS["proposals"],
        settings=lambda wildcards: canonical(CONFIG["proposals"][wildcards.proposals]),
        folder=tables_folder,
    shell:
        "boxsup proposals make --catalogue {params.folder} --shard {wildcards.i}/{wildcards.n} "
        "--settings {params.settings:q} --out {output} > {log} 2>&1"


rule overlaps:
    input:
        boxes=f"{SPLIT}/boxes.csv",
        proposals=f"{SPLIT}/proposals/{{proposals}}/{{i}}-of-{{n}}.zarr",
    output:
        directory(f"{SPLIT}/overlaps/{{proposals}}/{{i}}-of-{{n}}.zarr"),
    log:
        "results/logs/overlaps/{dataset}/{split}/{proposals}/{i}-of-{n}.log",
    benchmark:
        "results/logs/overlaps/{dataset}/{split}/{proposals}/{i}-of-{n}.benchmark.tsv"
    conda:
        "../../envs/boxsup.yaml"
    params:
        version=STAGE_VERSIONS["overlaps"],
        folder=tables_folder,
    shell:
        "boxsup overlaps --catalogue {params.folder} --proposals {input.proposals} --out {output} > {log} 2>&1"
