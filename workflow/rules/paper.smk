# Pages that set experiments beside the paper's tables and figures.


rule paper:
    input:
        paper_inputs,
    output:
        page=report(
            "results/{page}/report.html",
            caption="../report/paper.rst",
            category="The paper",
        ),
        tables=directory("results/{page}/tables"),
    log:
        "results/logs/paper/{page}.log",
    benchmark:
        "results/logs/paper/{page}.benchmark.tsv"
    conda:
        "../../envs/boxsup.yaml"
    resources:
        **asks("paper"),
    params:
        version=STAGE_VERSIONS["paper"],
        found=paper_found,
        config=paper_config,
    shell:
        "boxsup paper --page {wildcards.page:q} --config {params.config:q} --results results --tables {output.tables:q} "
        "--out {output.page:q} > {log:q} 2>&1"
