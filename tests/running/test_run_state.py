"""What `boxsup run` makes of Snakemake's events: progress, the time that is left, why jobs run."""

import re
from pathlib import Path

import pytest

from boxsup.again import Start, record
from boxsup.config.files import PROJECT, base_config, completed, project_config
from boxsup.errors import ConfigError
from boxsup.machine.processors import processors
from boxsup.running.display import status_of
from boxsup.running.elsewhere import results_elsewhere, said_of_elsewhere
from boxsup.running.plan import arguments, asked_of, config_of, core_count, rule_of, side_by_side, times_before, told
from boxsup.running.reporter import Reporter, explained, plan_of, strongest_reason
from boxsup.running.state import RunState
from boxsup.running.words import doing, kind_of_job
from boxsup.stages import STAGES

RUN = {"experiment": "own_box", "seed": "0"}


def begun(state, number, rule, now, log="", **wildcards):
    told = {"event": "job_info", "jobid": number, "rule_name": rule, "wildcards": wildcards, "log": [str(log)]}
    state.take(told, now)


def test_every_rule_says_what_its_jobs_make_without_braces():
    wildcards = {name: "1" for row in STAGES.values() for name in re.findall(r"\{(\w+)\}", row.logs + row.doing)}
    rules = [name for name, row in STAGES.items() if row.logs]
    assert all(doing(rule, wildcards) and "{" not in doing(rule, wildcards) for rule in rules)
    assert all(kind_of_job(rule) and "{" not in kind_of_job(rule) for rule in rules)
    assert doing("epoch", {**RUN, "seed": "2", "epoch": "010"}) == "epoch 10, seed 2"
    assert doing("all", {}) == kind_of_job("all") == "all"


def test_the_time_left_is_that_of_the_jobs_so_far_and_of_how_far_the_current_one_is(tmp_path):
    log = tmp_path / "log"
    state = RunState()
    state.take({"event": "run_info", "stats": {"epoch": 4, "report": 1, "total": 5}}, 0)
    assert not state.time_left(0).known
    begun(state, 1, "epoch", 10, log, epoch="001")
    log.write_text("epoch 1: batch 5 of 20, loss 0.9, 3.0 images/s\n")
    assert state.time_left(20) == (30 + 3 * 40 + 5, True)  # a quarter took 10 s
    assert state.take({"event": "job_finished", "job_id": 1}, 60).doing == "epoch 1"
    begun(state, 2, "epoch", 60, tmp_path / "none", epoch="002")
    assert state.time_left(70) == (40 + 2 * 50 + 5, True)
    assert status_of(state, 70) == "epoch 2 · about 2 min left · 1 of 5 jobs"


def test_before_a_long_stage_was_seen_the_time_left_is_a_lower_bound():
    state = RunState(before={"proposals": 600})
    state.take({"event": "run_info", "stats": {"proposals": 1, "epoch": 2, "total": 3}}, 0)
    begun(state, 1, "proposals", 0, dataset="own", split="train", i="0", n="1")
    assert status_of(state, 0) == "candidates of own/train, part 1 of 1 · at least 10 min left · 0 of 3 jobs"


def test_shards_run_side_by_side():
    state = RunState(before={"proposals": 100}, cores=4)
    state.take({"event": "run_info", "stats": {"proposals": 8, "total": 8}}, 0)
    assert state.time_left(0) == (200, True)


def test_what_runs_says_how_many_images_are_done(tmp_path):
    log = tmp_path / "log"
    log.write_text("a warning: 3 of 4 things\nproposals: 5 of 50 images\nproposals: 31 of 50 images\n")
    state = RunState()
    state.take({"event": "run_info", "stats": {"proposals": 2, "total": 2}}, 0)
    begun(state, 1, "network", 0)
    begun(state, 2, "proposals", 0, log, dataset="own", split="train", i="0", n="2")
    assert status_of(state, 1).startswith("candidates of own/train, part 1 of 2: 31 of 50 images (and 1 more) · ")


def test_a_failed_job_shows_the_end_of_its_log(tmp_path, capsys):
    log = tmp_path / "epoch.log"
    log.write_text("".join(f"line {number}\n" for number in range(99)))
    reporter = Reporter(RunState())
    begun(reporter.state, 1, "epoch", 0, log, epoch="003")
    for _ in range(2):
        reporter.event({"event": "job_error", "jobid": 1, "rule_name": "epoch", "log": [str(log)]})
    assert reporter.show_failures() == [str(log)]
    told = capsys.readouterr().err
    assert f"epoch 3: failed; its log, {log}, ends:" in told
    assert told.count("  | line") == 6
    assert told.endswith("| line 98\n")


def test_a_plan_says_how_many_jobs_and_why():
    state = RunState()
    state.take({"event": "run_info", "stats": {"epoch": 1, "report": 1, "total": 2}}, 0)
    for number, (rule, reason) in enumerate([("report", "Input files updated by another job: x"), ("epoch", "Params")]):
        begun(state, number, rule, 0, **RUN, epoch="001")
        state.reasons[-1] = reason.replace("Params", "Params have changed since last execution: y")
    assert plan_of(state, ["t"])[:4] == [
        "would run 2 jobs for t",
        "",
        "      1  epoch  settings changed",
        "      1  page   what it reads is made anew",
    ]
    assert plan_of(RunState(), ["t"]) == ["nothing to do: t is made already"]
    assert strongest_reason(["Unheard-of"]) == "Unheard-of"


@pytest.mark.parametrize(
    ("before", "said"),
    [
        ({"epoch": 100.0}, "time: about 3 min, as far as earlier runs tell"),  # two epochs, and a page that is guessed
        ({}, "time: not known before a first run"),
    ],
)
def test_the_time_of_a_plan_is_that_of_its_jobs_however_long_the_machine_is_up(before, said):
    state = RunState(before, dry=True)
    state.take({"event": "run_info", "stats": {"epoch": 2, "report": 1, "total": 3}}, 1e6)
    for number, rule in enumerate(["epoch", "epoch", "report"]):
        begun(state, number, rule, 1e6, **RUN, epoch="001")
    assert (state.running, len(state.jobs)) == ({}, 3)
    assert plan_of(state, ["t"])[-1] == said


def test_a_time_of_jobs_that_no_earlier_run_tells_of_is_called_a_guess():
    state = RunState({"epoch": 100.0}, dry=True)
    state.take({"event": "run_info", "stats": {"report": 2, "total": 2}}, 1e6)
    for number in range(2):
        begun(state, number, "report", 1e6, **RUN)
    assert plan_of(state, ["t"])[-1] == "time: about 10 s, which is a guess"


def test_a_locked_folder_is_explained_with_the_command_that_unlocks_it():
    assert explained(["LockException:\nError: Directory cannot be locked."], "run -- --unlock") == [
        "another run works in this folder, or one was killed; if none does, `run -- --unlock` and start again"
    ]
    assert explained(["a\n\nb"], "x") == ["a", "b"]


def test_snakemakes_list_of_options_is_not_repeated(capsys):
    reporter = Reporter(RunState())
    for line in ["usage: __main__.py [-h]", "  [--dry-run]", "__main__.py: error: unrecognized arguments: --x", "more"]:
        reporter.text(line)
    assert capsys.readouterr().err == "snakemake: error: unrecognized arguments: --x\nmore\n"


def test_what_is_told_to_snakemake_may_name_targets_or_ask_for_a_dry_run():
    assert told([]) == told(["--forcerun", "labels"]) == ([], False, False, False)
    assert told(["-np", "results/x.csv"]) == (["results/x.csv"], True, False, False)
    assert told(["--unlock"]) == ([], False, True, False)


@pytest.mark.parametrize("words", [["--resources", "gpu=2"], ["--profile", "profiles/slurm"], ["--executor", "slurm"]])
def test_what_is_told_to_snakemake_may_say_where_jobs_run(words, monkeypatch):
    assert told([*words, "--dry-run"]) == ([], True, False, True)
    assert not told(["--keep-going"]).placed
    monkeypatch.setenv("SNAKEMAKE_PROFILE", "profiles/slurm")
    assert told([]).placed


def test_without_a_gpu_jobs_share_the_processors_and_with_one_they_take_turns(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert side_by_side(8) == ["--resources", "gpu=8"]
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    assert side_by_side(8) == []


def test_stages_may_be_written_as_commands():
    assert rule_of("label-quality") == rule_of("label_quality") == "label_quality"
    assert rule_of("proposals make") == rule_of("proposals") == "proposals"
    with pytest.raises(ConfigError, match="there is no stage 'epcoh' in the workflow; did you mean epoch"):
        rule_of("epcoh")
    assert core_count("3") == 3


def test_all_cores_are_those_that_a_container_leaves_us(tmp_path, monkeypatch):
    assert core_count("all") == processors()
    monkeypatch.setattr("boxsup.running.plan.processors", lambda: 3)  # as with a quota of three
    assert arguments(tmp_path / "own.yaml", core_count("all"), None, False, [])[:2] == ["--cores", "3"]


def test_a_project_is_a_folder_or_a_configuration(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.yaml").write_text("experiments: {demo_box: {epochs: 2}}")
    assert config_of(tmp_path) == config_of(tmp_path / "config.yaml") == tmp_path / "config.yaml"
    asked = asked_of(tmp_path / "config.yaml")
    assert (asked.targets, asked.datasets) == (["results/demo_box/report.html"], ["demo"])
    with pytest.raises(ConfigError, match=r"nowhere: no such file; `boxsup init .*nowhere"):
        config_of(tmp_path / "nowhere")


def test_the_config_of_another_program_in_the_folder_is_left_alone(tmp_path, monkeypatch):
    """Hydra's `defaults` are a list: it is no configuration of ours. A whole one that is wrong is named."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/config.yaml").write_text("experiments: {demo_box: {epochs: 2}}")
    alone = asked_of(Path("mine/config.yaml"))
    (tmp_path / "config.yaml").write_text("defaults: [model, {optimizer: adam}]\nseed: 3\n")
    assert asked_of(Path("mine/config.yaml")) == alone
    assert base_config(named=True) == [PROJECT]
    assert completed({"defaults": ["model"]})["datasets"] == project_config()["datasets"]
    (tmp_path / "config.yaml").write_text(f"{PROJECT.read_text()}\nunheard: 3\n")
    assert base_config(named=True) == [Path("config.yaml")]
    with pytest.raises(ConfigError, match=rf"unheard.*; it starts from {re.escape(str(tmp_path))}/config\.yaml, which"):
        asked_of(Path("mine/config.yaml"))
    with pytest.raises(ConfigError, match=r"unheard") as refused:
        asked_of(Path("config.yaml"))  # the user named it
    assert "starts from" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("datasets: {}", "it names no experiment; say what to make"),
        ("defaults: {}\nexperiments: {demo_box: {}, demo_semi: {}}", "it has demo_box, demo_semi; say which to make"),
        ("experiments: {demo_box: {epochs: 0}}", "experiments.demo_box.epochs"),
    ],
)
def test_a_configuration_that_asks_for_nothing_clear_is_one_line(tmp_path, text, said):
    (tmp_path / "own.yaml").write_text(text)
    with pytest.raises(ConfigError, match=re.escape(said)):
        asked_of(tmp_path / "own.yaml")


def test_times_of_earlier_runs_are_those_of_the_same_experiment(tmp_path):
    for owner, seconds in (("own_box", 10), ("own_box", 20), ("other", 1000)):
        folder = tmp_path / "logs/epoch" / owner / f"seed-{seconds}"
        folder.mkdir(parents=True)
        (folder / "001.benchmark.tsv").write_text(f"s\th:m:s\n{seconds}\t-\n")
    (tmp_path / "logs/epoch/own_box/broken.benchmark.tsv").write_text("")
    assert times_before(["own_box"], tmp_path) == {"epoch": 15.0}


@pytest.fixture
def made(tmp_path):
    """A folder with a project, `mine`, and results of it beside that."""
    (tmp_path / "mine").mkdir()
    config = tmp_path / "mine/config.yaml"
    config.write_text("")
    (tmp_path / "results/data/own/train").mkdir(parents=True)
    record(tmp_path / "results", ["data/own"], Start(configfiles=(str(config),)))
    return tmp_path


OWNERS = ["own_box", "data/own"]


def test_a_run_in_another_folder_is_told_where_the_results_are(made, monkeypatch):
    config, inner = made / "mine/config.yaml", made / "mine"
    assert results_elsewhere(config, OWNERS, made) is None
    assert results_elsewhere(config, OWNERS, inner) == made
    assert results_elsewhere(config, ["other_box", "data/other"], inner) is None
    monkeypatch.chdir(inner)
    said = said_of_elsewhere(made, inner.relative_to(inner), inner)
    assert said.startswith(f"note: results go to {inner}/results, which has none of this project; ")
    assert f"those in {made}/results are not used" in said
    assert re.search(r"`\(cd \.\. && \S+ run mine\)`$", said)
    (inner / "results/own_box").mkdir(parents=True)
    assert results_elsewhere(config, OWNERS, inner) is None


def test_results_of_another_project_of_the_same_name_are_not_taken_for_ours(made):
    other = made / "other/config.yaml"
    other.parent.mkdir()
    other.write_text("")
    assert results_elsewhere(other, OWNERS, other.parent) is None
    (made / "mine").rename(made / "moved")  # the record names a file that is gone, so nobody knows better
    assert results_elsewhere(made / "moved/config.yaml", OWNERS, made / "moved") == made
