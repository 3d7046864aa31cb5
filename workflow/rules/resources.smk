# What jobs ask a scheduler for besides threads, as boxsup/stages.py says. On one machine only GPUs are counted. A profile
# or `--set-resources RULE:mem_mb=N` overrides it; docs/cluster.md has measurements.


def asks(rule):
    """The resources of a rule; each retry asks for as much memory and time again."""
    stage = STAGES[rule]
    asked = {"mem_mb": growing(stage.memory), "runtime": growing(stage.minutes)}
    return {"gpu": gpus(stage), **asked} if stage.gpus else asked


def growing(amount):
    return lambda wildcards, attempt: attempt * amount


def gpus(stage):
    if isinstance(stage.gpus, int):
        return stage.gpus
    return lambda wildcards: experiment_of(wildcards).setting(*stage.gpus.split("."))


# A workflow that uses this one as a module may rename its rules.
workflow.localrules(*(workflow.modifier.modify_rulename(stage.name) for stage in STAGES.values() if stage.local))
