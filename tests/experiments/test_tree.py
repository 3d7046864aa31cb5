"""Where results lie, as docs/architecture.md says it."""

import re

import pytest

from boxsup.experiments.found import (
    checkpoints_in,
    experiment_around,
    generations_in,
    object_networks_in,
    run_around,
    runs_in,
)
from boxsup.experiments.splits import DataSetFolder, Split
from boxsup.experiments.tree import (
    RECORD,
    RESULTS,
    ExperimentFolder,
    PageFolder,
    Run,
    benchmark_of,
    log_of,
    search_table,
    trimap_page,
)
from helpers.paths import ROOT

RUN, SPLIT = Run("{experiment}", "{s}"), Split("{dataset}", "{split}")
CANDIDATES = SPLIT.candidates("{name}")
EXPERIMENT, PAGE = ExperimentFolder("{experiment}"), PageFolder("{page}")
PATHS = [
    SPLIT.inventory,
    *SPLIT.tables(),
    SPLIT.proposals("{name}", "{i}", "{n}"),
    CANDIDATES.objects,
    SPLIT.proposals_report,
    SPLIT.overlaps("{name}", "{i}", "{n}"),
    RUN.labels("{e}"),
    RUN.model("{e}"),
    RUN.predictions("{e}"),
    RUN.crf_search("{e}"),
    search_table("{search}"),
    RUN.trimap("{e}"),
    trimap_page("{A+B}"),
    RUN.predictions("{e}", "{split}"),
    RUN.archive("{e}", "{split}"),
    EXPERIMENT.labelling,
    EXPERIMENT.report,
    RESULTS / RECORD,
    PAGE.report,
]


@pytest.mark.parametrize("path", PATHS, ids=str)
def test_the_documentation_names_the_same_paths(path):
    table = re.search(r"\| artefact \| path .*?\n\n", (ROOT / "docs/architecture.md").read_text(), re.DOTALL)[0]
    text = path.relative_to(RESULTS).as_posix()
    folder, name = text.rpartition("/")[::2]
    assert f"`{text}`" in table or (f"`{folder}/" in table and f"`{name}`" in table)


def test_numbers_have_three_digits_and_wildcards_stay():
    assert Run("own", 0).model(6).as_posix() == "results/own/seed-0/epochs/006/model.pt"
    assert RUN.epoch("{epoch}").optimizer.as_posix() == "results/{experiment}/seed-{s}/epochs/{epoch}/optimizer.pt"
    assert RUN.quality(1).name == "001.csv"
    formatted = str(Run("{experiment}", "{seed}").trimap("{epoch}")).format(experiment="own", seed=3, epoch="012")
    assert formatted == str(Run("own", 3).trimap(12))


def test_results_may_lie_elsewhere(tmp_path):
    folder = ExperimentFolder.at(tmp_path / "own")
    assert folder.run(1).evaluation(2) == tmp_path / "own/seed-1/evaluation/002.csv"
    assert Split("demo", "val", tmp_path).masks("truth") == tmp_path / "data/demo/val/masks/truth.zarr"
    assert DataSetFolder("demo", tmp_path).tree == tmp_path / "data/demo/tree"


def test_what_is_there_is_found_again(tmp_path):
    folder = ExperimentFolder("own", tmp_path)
    for seed, epoch in ((10, 1), (2, 0), (2, 11), (2, 3)):
        path = folder.run(seed).model(epoch)
        path.parent.mkdir(parents=True)
        path.touch()
    assert runs_in(folder.folder) == [folder.run(2).folder, folder.run(10).folder]
    assert checkpoints_in(folder.run(2).folder) == [folder.run(2).model(epoch) for epoch in (0, 3, 11)]
    assert experiment_around(folder.run(2).model(3)) == folder.folder
    assert experiment_around(tmp_path / "model.pt") is None
    assert run_around(folder.run(2).model(3)) == folder.run(2).folder
    assert run_around(tmp_path / "model.pt") is None


def test_object_networks_are_those_of_the_last_round_that_is_whole(tmp_path):
    run = Run("own", 0, tmp_path)
    assert object_networks_in(run.folder) == []
    whole = [run.object_network(turn, i, n) for turn, n in ((2, 2), (10, 11)) for i in range(n)]
    partial = [run.object_network(11, 1, 2), run.object_network(11, 0, 3), tmp_path / "own/seed-0/objects/12/of.pt"]
    for path in (*whole, *partial, *(run.object_maps(10, i, 11) for i in range(11))):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert object_networks_in(run.folder) == [run.object_network(10, i, 11) for i in range(11)]


def test_generations_that_a_run_does_not_make_are_not_its_own(tmp_path):
    run = Run("own", 0, tmp_path)
    for number in (1, 2, 3, 5, 1000):
        run.labels(number).mkdir(parents=True)
    (run.folder / "labels/note.zarr").mkdir()
    assert generations_in(run.folder) == [run.labels(number) for number in (1, 2, 3, 5, 1000)]
    assert generations_in(run.folder, 3, 2) == [run.labels(1), run.labels(3)]


def test_benchmarks_are_a_file_or_the_folder_of_what_is_left_open():
    assert log_of("epoch") == "results/logs/epoch/{experiment}/seed-{seed}/{epoch}.log"
    assert benchmark_of("epoch") == "results/logs/epoch/{experiment}/seed-{seed}/{epoch}.benchmark.tsv"
