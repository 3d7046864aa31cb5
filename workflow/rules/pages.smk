# Input functions of the pages that set experiments beside the paper's tables and figures; no rules.
from boxsup.config.published import own_name, published_experiments
from boxsup.config.published import own_name, published_experiments


def paper_experiments(page, scale):
    """Published name -> ours, of a page's experiments at "full" or "small" scale that are configured."""
    family = PAGES[page][scale]
    found = {name: own_name(name, family) for name in published_experiments()} if family else {}
    return {name: own for name, own in found.items() if own in EXPERIMENTS}


def compared_experiments(page):
    return list(dict.fromkeys(own for scale in ("full", "small") for own in paper_experiments(page, scale).values()))


def paper_inputs(wildcards):
    """All that the page shows, where it runs its experiments; otherwise it takes what there is."""
    if not PAGES[wildcards.page]["run"]:
        return []
    own = compared_experiments(wildcards.page)
    return [path for name in own for path in report_inputs(SimpleNamespace(experiment=name))]


def paper_found(wildcards):
    """A params function: the evaluations that are there and when they were made, so that new ones remake the page."""
    if PAGES[wildcards.page]["run"]:
        return canonical([])  # they are inputs
    files = []
    for name in compared_experiments(wildcards.page):
        for seed in EXPERIMENTS[name]["seeds"]:
            path = Path(f"{SEED.format(experiment=name, seed=seed)}/evaluation/{EXPERIMENTS[name]['epochs']:03d}.csv")
            if path.exists():
                files.append([str(path), path.stat().st_mtime_ns])
    return canonical(files)


def paper_config(wildcards):
    experiments = {
        scale: {
            name: {"name": own, "settings": EXPERIMENTS[own]}
            for name, own in paper_experiments(wildcards.page, scale).items()
        }
        for scale in ("full", "small")
    }
    shown = [entry for scale in ("full", "small") for entry in experiments[scale].values()]
    box = [own.get("voc_box") for own in experiments.values() if "voc_box" in own] or shown
    small = [DATASETS[entry["settings"]["dataset"]]["format"] for entry in experiments["small"].values()]
    return canonical({**experiments, "settings": box[0]["settings"], "demo": "shapes" in small})
