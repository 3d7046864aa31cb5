# What each rule's jobs ask a scheduler for, beside their threads. On one machine only GPUs are counted. A profile or
# `--set-resources RULE:mem_mb=N` overrides it; docs/cluster.md says what was measured.
# Rule: GPUs, MB of memory, minutes. Each retry asks for as much memory and time again.
ASKED = {
    "shapes": (0, 1000, 20),
    "download": (0, 1000, 480),
    "inventory": (0, 4000, 120),  # COCO's JSON is read for the names of images; all files are read the first time
    "catalogue": (0, 4000, 120),  # COCO's JSON is read whole: 1.7 GB
    "join": (0, 2000, 20),
    "proposals": (0, 4000, 240),
    "proposal_evaluation": (0, 2000, 60),
    "proposal_report": (0, 2000, 20),
    "overlaps": (0, 2000, 60),
    "fixed_masks": (0, 4000, 480),  # GrabCut takes a second an image
    "labels": (1, 8000, 60),
    "label_quality": (0, 2000, 30),
    "network": (0, 4000, 20),
    "epoch": (training_gpus, 16000, 120),
    "validate": (1, 8000, 60),
    "labelling": (0, 500, 5),
    "predictions": (1, 8000, 120),
    "crf_search": (1, 8000, 240),
    "search": (0, 2000, 60),
    "comp6": (0, 2000, 30),
    "evaluation": (0, 2000, 30),
    "trimap": (0, 2000, 30),
    "trimap_plot": (0, 2000, 20),
    "report": (0, 4000, 30),
    "paper": (0, 4000, 30),
}


# Where Snakemake itself runs: the nodes of a cluster may have no network, pages take seconds, and what an inventory is taken
# for is known to the process that planned it.
localrules:
    download,
    inventory,
    join,
    labelling,
    proposal_report,
    trimap_plot,
    report,
    paper,


def asks(rule):
    """The resources of a rule, from the table above."""
    gpus, memory, minutes = ASKED[rule]
    asked = {"mem_mb": growing(memory), "runtime": growing(minutes)}
    return {"gpu": gpus, **asked} if gpus else asked


def growing(amount):
    return lambda wildcards, attempt: attempt * amount
