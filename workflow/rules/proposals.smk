# Candidate segments, how well they fit, their overlaps with the boxes: once a data set, shared by experiments and seeds.
CANDIDATES = SPLIT.candidates("{proposals}")


rule proposals:
    input:
        tables_of_shard,
        imported_files,
    output:
        pools=directory(CANDIDATES.pools(*SHARD)),
        timings=CANDIDATES.timings(*SHARD),
    log:
        log_of("proposals"),
    benchmark:
        benchmark_of("proposals")
    wildcard_constraints:
        dataset=names(DATA.with_proposals()),
    conda:
        "../../envs/torch.yaml"
    resources:
        **asks("proposals"),
    params:
        version=STAGES["proposals"].version,
        settings=lambda wildcards: canonical(CONFIG["proposals"][wildcards.proposals]),
        images=shard_files,
        folder=folder_of_tables,
    shell:
        "boxsup proposals make --catalogue {params.folder:q} --shard {wildcards.i:q}/{wildcards.n:q} "
        "--settings {params.settings:q} --out {output.pools:q} --timings {output.timings:q} > {log:q} 2>&1"


rule proposal_evaluation:
    input:
        SPLIT.tables(),
        proposals=split_pools,
        timings=split_timings,
    output:
        CANDIDATES.objects,
        report(
            CANDIDATES.summary,
            caption="../report/proposals.rst",
            category="Proposals",
            labels={"data": "{dataset}", "split": "{split}", "what": "table: {proposals}"},
        ),
    log:
        log_of("proposal_evaluation"),
    benchmark:
        benchmark_of("proposal_evaluation")
    wildcard_constraints:
        dataset=names(DATA.with_proposals()),
    conda:
        "../../envs/small.yaml"
    resources:
        **asks("proposal_evaluation"),
    params:
        version=STAGES["proposal_evaluation"].version,
        masks=split_masks("proposal_evaluation"),
        folder=folder_of_tables,
        out=folder_of_output,
    shell:
        "boxsup proposals evaluate --catalogue {params.folder:q} --proposals {input.proposals:q} "
        "--timings {input.timings:q} --out {params.out:q} > {log:q} 2>&1"


rule proposal_report:
    input:
        SPLIT.tables(),
        evaluations=compared_evaluations,
    output:
        report(
            SPLIT.proposals_report,
            caption="../report/proposals.rst",
            category="Proposals",
            labels={"data": "{dataset}", "split": "{split}", "what": "page"},
        ),
    log:
        log_of("proposal_report"),
    benchmark:
        benchmark_of("proposal_report")
    wildcard_constraints:
        dataset=names(DATA.with_proposals()),
    conda:
        "../../envs/small.yaml"
    resources:
        **asks("proposal_report"),
    params:
        version=STAGES["proposal_report"].version,
        config=lambda wildcards: canonical({"dataset": DATASETS[wildcards.dataset], "proposals": compared_proposals()}),
        catalogue=folder_of_tables,
        folder=folder_of_output,
    shell:
        "boxsup proposals report --dataset {wildcards.dataset:q} --split {wildcards.split:q} --config {params.config:q} "
        "--catalogue {params.catalogue:q} --folder {params.folder:q} --out {output:q} > {log:q} 2>&1"


rule overlaps:
    input:
        boxes=boxes_of_shard,
        proposals=shard_pools,
    output:
        directory(SPLIT.overlaps("{proposals}", *SHARD)),
    log:
        log_of("overlaps"),
    benchmark:
        benchmark_of("overlaps")
    wildcard_constraints:
        dataset=names(DATA.with_files()),
    conda:
        "../../envs/small.yaml"
    resources:
        **asks("overlaps"),
    params:
        version=STAGES["overlaps"].version,
        boxes=shard_boxes,
        folder=folder_of_tables,
    shell:
        "boxsup overlaps --catalogue {params.folder:q} --proposals {input.proposals:q} --out {output:q} > {log:q} 2>&1"
