# BoxSup, from boxes to a report: `.venv/bin/snakemake --cores all results/demo_semi/report.html`.
# The workflow is in workflow/, where Snakemake's catalogue, modules and `snakedeploy` look for it.
include: "workflow/Snakefile"


workflow.default_target = "all"  # Snakemake forgets that of an included file
