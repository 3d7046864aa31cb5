# Held-out images, on which settings are searched: options of commands, and checks before any training; no rules.


def held_out(wildcards):
    return held_out_options(experiment_of(wildcards))


def held_out_options(experiment):
    """The options for the images that scores leave out, since settings are searched on them."""
    validation = experiment.settings["validation"]
    count, seed = validation["held_out"], validation["held_out_seed"]
    return f"--held-out {count} --held-out-seed {seed}" if count else ""


def tables_to_search_on(wildcards):
    """An input function: the tables of val; it says before anything is trained if no search can be made."""
    experiment = experiment_of(wildcards)
    if experiment.why_no_crf_search:
        sys.exit(f"boxsup: error: {experiment.why_no_crf_search}")
    return experiment.val.tables()


def held_out_asked(jobs):
    """The folders of tables of which jobs hold images out: which settings say so, and how many each does."""
    asked = {}
    for job in jobs:
        if job.rule.name == "search":
            experiment, where = search_of(job.wildcards).first, f"searches.{job.wildcards.search}.held_out"
        elif job.rule.name in ("validate", "evaluation", "trimap", "crf_search"):
            experiment = experiment_of(job.wildcards)
            where = f"experiments.{experiment.name}.validation.held_out"
        else:
            continue
        if count := experiment.setting("validation", "held_out"):
            asked.setdefault(str(experiment.val.folder), {})[where] = count
    return asked


def check_held_out():
    """Say before any training if more images are held out than there are.

    Tables that are there are looked at here; jobs that make tables look at them, as their environment says.
    """
    from boxsup.catalogue.tables import read_catalogue
    from boxsup.evaluation.held_out import ASKED, asked_held_out, check_asked

    jobs = list(workflow.dag.needrun_jobs())
    made, asked = {path for job in jobs for path in job.output}, held_out_asked(jobs)
    os.environ[ASKED] = asked_held_out(asked)
    for folder in map(Path, asked):
        tables = [folder / name for name in TABLES]
        if all(path.exists() for path in tables) and made.isdisjoint(map(str, tables)):
            check_asked(read_catalogue(folder), folder)
