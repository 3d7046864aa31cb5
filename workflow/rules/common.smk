# Input and params functions of experiments: what a job reads; no rules.


def experiment_of(wildcards):
    return ExperimentPlan(wildcards.experiment, CONFIG)


def search_of(wildcards):
    return SearchPlan(wildcards.search, CONFIG)


def page_of(wildcards):
    return PaperPage(wildcards.page, CONFIG)


def drawn_experiments(wildcards):
    """The experiments that are named in `A+B`."""
    return [ExperimentPlan(name, CONFIG) for name in wildcards.experiments.split("+")]


# --- params: the settings that a stage reads, as canonical JSON, and options of commands ------------------------------


def setting(*keys):
    """A params function: a setting of the experiment, given the keys that lead to it."""
    return lambda wildcards: canonical(experiment_of(wildcards).setting(*keys))


def update_settings(wildcards):
    """The settings of the update; none if no box chooses, since they then change nothing."""
    experiment = experiment_of(wildcards)
    return canonical(generation_settings(experiment.settings["update"])) if experiment.chooses else ""


def object_settings_of(wildcards):
    return canonical(object_settings(experiment_of(wildcards).settings["objects"]))


def lesson_settings_of(wildcards):
    """The settings of the update that decide what object networks learn."""
    return canonical(lesson_settings(experiment_of(wildcards).settings["update"], int(wildcards.turn)))


def training_settings(wildcards):
    return canonical(epoch_settings(experiment_of(wildcards).settings["training"]))


def inference(stage):
    """A params function: the settings of inference that a stage reads."""
    return lambda wildcards: canonical(inference_settings(READ_BY[stage], experiment_of(wildcards).settings))


def labelling(wildcards):
    settings = experiment_of(wildcards).settings
    return canonical(labelling_settings(settings, wildcards.experiment, DATA.megapixels(settings["dataset"])))


def option(name, values):
    """`--NAME VALUE …`, quoted for the shell as `:q` does; "" if there is no value."""
    values = [values] if values and isinstance(values, str) else values
    return shlex.join([f"--{name}", *map(str, values)]) if values else ""


def options(*names):
    """A params function: the options for inputs that only some jobs have."""
    return lambda wildcards, input: " ".join(option(name, input.get(name)) for name in names if input.get(name))


def masked_options(*names):
    """A params function: the options for some inputs, and for the tables of the images that may use true masks."""

    def all_options(wildcards, input):
        masked = [option("masked", str(Path(input.masked).parent))] if input.masked else []
        return " ".join(filter(None, [options(*names)(wildcards, input), *masked]))

    return all_options


object_options = masked_options("before", "truth", "reviewed")


def label_options(wildcards, input):
    """The options of `boxsup labels` for its inputs; fixed and true masks may be several stores."""
    parts = [masked_options("objects", "model", "fixed", "truth", "reviewed")(wildcards, input)]
    parts += [option("settings", update_settings(wildcards)), option("scales", asked_scales(wildcards))]
    return " ".join(filter(None, parts))


def initial_options(wildcards, input):
    start = experiment_of(wildcards).settings["init_from"]
    return f"{option('init', input.init)} {shlex.join(['--drop', *start['drop']])}" if start else ""


def folder_of_tables(wildcards, input):
    """The folder of the catalogue whose tables are a rule's first input."""
    return str(Path(input[0]).parent)


def folder_of_output(wildcards, output):
    return str(Path(output[0]).parent)


# --- inputs: the splits of an experiment, the generations of a run, its chain of checkpoints --------------------------


def train_tables(wildcards):
    return experiment_of(wildcards).train.tables()


def val_tables(wildcards):
    return experiment_of(wildcards).val.tables()


def split_tables(wildcards):
    """The tables of any split of the experiment's data set."""
    return Split(experiment_of(wildcards).settings["dataset"], wildcards.split).tables()


def masked_tables(wildcards):
    """The table of images of the split whose true masks may be used."""
    masked = experiment_of(wildcards).masked
    return masked.tables()[0] if masked else []


def reviewed_decisions(wildcards):
    """What a person decided about boxes; a changed file makes again what depends on it."""
    return experiment_of(wildcards).reviewed() or []


def object_maps_before(wildcards):
    """The object maps of the round before; none for the first round."""
    return experiment_of(wildcards).object_maps(wildcards.seed, int(wildcards.turn) - 1)


def asked_model(wildcards):
    """The checkpoint of the network that a generation asks."""
    return experiment_of(wildcards).asked_model(wildcards.seed, int(wildcards.epoch)) or []


def asked_scales(wildcards):
    return experiment_of(wildcards).asked_scales(int(wildcards.epoch))


def generation_before(wildcards):
    return experiment_of(wildcards).generation_before(wildcards.seed, int(wildcards.epoch)) or []


def first_quality(wildcards):
    return experiment_of(wildcards).first_quality(wildcards.seed, int(wildcards.epoch)) or []


def initial_model(wildcards):
    return experiment_of(wildcards).initial_model(wildcards.seed) or []


def training_threads(wildcards):
    return experiment_of(wildcards).settings["training"]["threads"]


def training_workers(wildcards):
    """The processes that read images for an epoch, let their boxes choose, and measure what they chose."""
    return max(1, experiment_of(wildcards).settings["training"]["workers"])


def training_gpus(wildcards):
    return experiment_of(wildcards).settings["training"]["gpus"]


def inference_workers(wildcards):
    """The processes of a job that labels images, or that scores labels; those of a search for its first point."""
    experiment = search_of(wildcards).first if "search" in wildcards.keys() else experiment_of(wildcards)
    return experiment.settings["inference"]["workers"]


def epoch_labels(wildcards):
    """The generation that an epoch trains on."""
    experiment = experiment_of(wildcards)
    return experiment.trained(wildcards.seed).labels(experiment.generation(int(wildcards.epoch)))


def epoch_before(wildcards):
    return experiment_of(wildcards).trained(wildcards.seed).epoch(int(wildcards.epoch) - 1)


def optimizer_before(wildcards):
    """The momentum buffers of the epoch before; the first epoch has none."""
    return epoch_before(wildcards).optimizer if int(wildcards.epoch) > 1 else []


def trained_model(wildcards):
    """The checkpoint after an epoch, of the experiment that trains the networks."""
    return experiment_of(wildcards).trained(wildcards.seed).model(wildcards.epoch)


def predictions_of_split(wildcards):
    """The predictions of any split; those of the evaluated split have no split in their path."""
    split = None if wildcards.split == experiment_of(wildcards).val.split else wildcards.split
    return RUN.predictions("{epoch}", split)
