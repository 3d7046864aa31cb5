"""Which jobs each change runs again, and no others."""

import functools
import itertools
import json
import re
import sys

import pandas as pd
import pytest
import yaml

from boxsup.cli import main
from boxsup.stages import STAGES
from helpers import own_data
from helpers.paths import ROOT
from helpers.workflow_runs import RUN, TARGET, TINY, copy_of, planned

pytestmark = pytest.mark.slow  # Snakemake runs

CHAIN = {"labels", "label_quality", "epoch", "predictions", "evaluation", "trimap", "report"}


@pytest.fixture
def rerun(demo, snakemake, tmp_path):
    """The jobs that a dry run plans after a change of configuration."""
    numbers = itertools.count()

    def jobs(change, *arguments, target=TARGET):
        override = tmp_path / f"{next(numbers)}.yaml"
        override.write_text(yaml.safe_dump(change, sort_keys=False))
        return planned(snakemake(demo, "--dry-run", *arguments, target, configs=(TINY, override)).stdout)

    return jobs


def experiment(**changes):
    return {"experiments": {"demo_semi": changes}}


def test_nothing_to_do_after_a_run(rerun):
    assert rerun({}) == {}


def test_an_evaluation_says_which_settings_made_it(demo):
    made_with = json.loads((demo / f"results/{RUN}/evaluation/002.json").read_text())
    assert made_with["supervision"] == {"masks": "masks", "boxes": "boxsup", "reviewed": ""}
    assert (made_with["update"]["mu"], made_with["training"]["crop"]) == (0.75, 64)


def test_a_run_without_the_record_is_evaluated_again_and_not_trained_again(demo, snakemake, tmp_path):
    directory = copy_of(demo, tmp_path / "run")
    (directory / f"results/{RUN}/evaluation/002.json").unlink()
    (directory / TARGET).unlink()  # as after an upgrade, which makes pages again
    jobs = planned(snakemake(directory, "--dry-run", TARGET, configs=(TINY,)).stdout)
    assert set(jobs) == {"evaluation", "report"}


def test_k_reruns_the_generations_and_what_follows(rerun):
    jobs = rerun(experiment(update={"k": 2}))
    assert set(jobs) == CHAIN
    assert jobs["labels"] == {f"{RUN}/labels/001.zarr", f"{RUN}/labels/002.zarr"}
    assert jobs["epoch"] == {f"{RUN}/epochs/001/model.pt", f"{RUN}/epochs/002/model.pt"}


def test_settings_of_object_networks_rerun_them_and_the_generations(rerun):
    jobs = rerun(experiment(objects={"epochs": 2}))
    assert set(jobs) == {*CHAIN, "objects"}
    assert jobs["objects"] == {f"{RUN}/objects/1/{i}-of-2.pt" for i in (0, 1)}
    assert jobs["labels"] == {f"{RUN}/labels/001.zarr", f"{RUN}/labels/002.zarr"}


def test_decisions_of_a_person_rerun_what_learns_from_them(rerun, tmp_path):
    (tmp_path / "reviewed.jsonl").touch()
    jobs = rerun(experiment(supervision={"reviewed": str(tmp_path / "reviewed.jsonl")}))
    assert set(jobs) == {*CHAIN, "objects"}


def test_what_object_networks_learn_from_boxes_reruns_them(rerun):
    assert set(rerun(experiment(update={"leak": 2.0}))) == {*CHAIN, "objects"}


def test_how_boxes_heed_object_maps_reruns_the_generations_only(rerun):
    assert set(rerun(experiment(update={"mu": 0.5, "lambda": 1.0}))) == CHAIN


def test_without_mu_no_object_network_is_needed(rerun):
    jobs = rerun(experiment(update={"mu": 0}))
    assert set(jobs) == {*CHAIN, "labelling"}  # which says that object networks of before are no longer the run's own
    assert jobs["labels"] == {f"{RUN}/labels/001.zarr", f"{RUN}/labels/002.zarr"}


def test_parts_of_the_images_are_judged_by_networks_of_their_own(snakemake, tmp_path):
    override = tmp_path / "folds.yaml"
    override.write_text(yaml.safe_dump(experiment(objects={"folds": 3, "rounds": 2})))
    output = snakemake(tmp_path, "--dry-run", TARGET, configs=(TINY, override)).stdout
    rounds = {turn: [f"results/{RUN}/objects/{turn}/{i}-of-3" for i in range(3)] for turn in (1, 2)}
    assert planned(output)["objects"] == {
        f"{path.removeprefix('results/')}.pt" for each in rounds.values() for path in each
    }
    jobs = re.findall(r"^rule objects:\n    input: (.*)\n    output: (\S+)\.pt,", output, re.MULTILINE)
    inputs = {made: read.split(", ") for read, made in jobs}
    for path in rounds[1]:  # no part waits for another
        assert not [read for read in inputs[path] if "/objects/" in read]
    for path in rounds[2]:  # the second round asks all maps of the first
        assert [read for read in inputs[path] if "/objects/" in read] == [f"{before}.zarr" for before in rounds[1]]
    labels = re.search(r"^(?:local)?rule labels:\n    input: (.*)$", output, re.MULTILINE)[1].split(", ")
    page = re.search(r"^(?:local)?rule report:\n    input: (.*)$", output, re.MULTILINE)[1].split(", ")
    for used in (labels, page):
        assert [read for read in used if "/objects/" in read] == [f"{path}.zarr" for path in rounds[2]]


def test_the_learning_rate_reruns_epochs_and_the_generations_that_ask_them(rerun):
    jobs = rerun(experiment(training={"rate": 0.02}))
    assert set(jobs) == CHAIN
    assert jobs["labels"] == {f"{RUN}/labels/002.zarr"}


def test_the_crf_reruns_predictions_only(rerun):
    assert set(rerun(experiment(inference={"crf": {"iterations": 3}}))) == {
        "labelling",
        "predictions",
        "evaluation",
        "trimap",
        "report",
    }


@pytest.mark.parametrize("change", [{"scales": [0.8, 1.0, 1.2]}, {"background_bias": -0.5}])
def test_scales_and_a_bias_rerun_predictions_only(rerun, change):
    jobs = rerun(experiment(inference=change))
    assert set(jobs) == {"labelling", "predictions", "evaluation", "trimap", "report"}


def test_scales_of_the_update_rerun_the_generations_that_ask_the_network(rerun):
    jobs = rerun(experiment(update={"scales": [0.7, 1.0]}))
    assert set(jobs) == {*CHAIN, "labelling"}
    assert jobs["labels"] == {f"{RUN}/labels/002.zarr"}


def test_held_out_images_rerun_what_scores_predictions(rerun):
    jobs = rerun(experiment(validation={"held_out": 1}))
    assert set(jobs) == {"evaluation", "trimap", "report"}


def test_one_more_epoch_is_one_more_epoch(rerun):
    jobs = rerun(experiment(epochs=3))
    assert set(jobs) == {*CHAIN, "labelling"}
    assert jobs["epoch"] == {f"{RUN}/epochs/003/model.pt"}
    assert jobs["labels"] == {f"{RUN}/labels/003.zarr"}
    assert jobs["label_quality"] == {f"{RUN}/labels/003.csv"}


def test_processes_rerun_nothing(rerun):
    assert set(rerun(experiment(training={"workers": 3}, inference={"workers": 2}))) == {"report"}


def test_gpus_rerun_epochs_which_ask_for_them(rerun, snakemake, tmp_path):
    assert set(rerun(experiment(training={"gpus": 2}))) == CHAIN
    own = tmp_path / "gpus.yaml"
    own.write_text(yaml.safe_dump(experiment(training={"gpus": 2, "threads": 3})))
    options = ("--dry-run", "--printshellcmds", "--cores", "8", "--resources", "gpu=2", "--")
    plan = snakemake(tmp_path, *options, f"results/{RUN}/epochs/001/model.pt", configs=(TINY, own)).stdout
    [epoch] = re.findall(r"^rule epoch:\n(?:    .*\n)+", plan, re.MULTILINE)
    assert "    threads: 6\n" in epoch
    assert "gpu=2" in epoch
    assert re.search(r"^Shell command: boxsup epoch .*\"gpus\":2,", plan, re.MULTILINE)


def test_each_rule_has_a_row_that_says_what_is_said_of_it():
    text = "".join(path.read_text() for path in (ROOT / "workflow/rules").glob("*.smk"))
    rules = dict(re.findall(r"^rule (\w+):\n((?:    .*\n|\n(?=    ))+)", text, re.MULTILINE))
    assert sorted(rules) == sorted(name for name, stage in STAGES.items() if stage.logs)
    for name, body in rules.items():
        assert re.findall(r'\basks\("(\w+)"\)', body) == [name]
        assert re.findall(r'(\w+_of)\("(\w+)"\)', body) == [("log_of", name), ("benchmark_of", name)]
        assert re.findall(r'STAGES\["(\w+)"\]\.version', body) == [name]
        assert f'"boxsup {STAGES[name].command} --' in body
        assert re.search(r"mem_mb|runtime|gpu=", body) is None


def test_the_documentation_says_what_rules_ask_for():
    row = re.compile(r"^\| `(\w+)`[^|]*\|[^|]*\| ([\d,]+) \|[^|]*\| (\d+) \|", re.MULTILINE)
    said = row.findall((ROOT / "docs/cluster.md").read_text())
    assert len(said) == 13
    for rule, memory, minutes in said:
        assert (STAGES[rule].memory, STAGES[rule].minutes) == (int(memory.replace(",", "")), int(minutes))


def test_the_documentation_names_all_rules_that_ask_for_a_gpu():
    text = "".join(path.read_text() for path in (ROOT / "workflow/rules").glob("*.smk"))
    uses = dict(re.findall(r"^use rule (\w+) as (\w+) ", text, re.MULTILINE))  # these have the resources of the first
    asking = {name for name, stage in STAGES.items() if stage.logs and stage.gpus}
    asking |= {uses[name] for name in asking & set(uses)}
    assert set(re.findall(r"\b(\w+):gpu=0", (ROOT / "docs/cluster.md").read_text())) == asking


def test_the_order_of_keys_reruns_nothing(rerun):
    tiny = yaml.safe_load(TINY.read_text())["experiments"]["demo_semi"]
    assert rerun(experiment(**dict(reversed(tiny.items())))) == {}


def test_another_experiment_shares_the_proposals(rerun):
    jobs = rerun({}, target="results/demo_box/report.html")
    assert set(jobs) == {*CHAIN, "network", "labelling"}


def test_another_seed_shares_the_proposals(rerun):
    jobs = rerun(experiment(seeds=[0, 1]))
    assert set(jobs) == {*CHAIN, "network", "objects", "labelling"}
    assert jobs["network"] == {"demo_semi/seed-1/epochs/000/model.pt"}
    assert jobs["objects"] == {f"demo_semi/seed-1/objects/1/{i}-of-2.pt" for i in (0, 1)}


def test_a_page_compares_with_what_was_run_and_runs_no_other_experiment(rerun, snakemake, demo):
    command = snakemake(demo, "--dry-run", "--force", "--printshellcmds", TARGET).stdout
    assert '"demo_box":{"epochs":2,"seeds":[0]}' in command
    jobs = rerun({"experiments": {"demo_box": {"epochs": 1}}})
    assert set(jobs) == {"report"}  # of which runs there may be is a setting of the page


@pytest.mark.parametrize("found", ["demo_box/seed-0/evaluation/002.csv", "own_search/search.csv"])
def test_a_page_is_made_again_when_scores_that_it_compares_with_are_there(demo, snakemake, tmp_path, found):
    directory = copy_of(demo, tmp_path / "run")
    search = {"experiment": "demo_semi", "held_out": 2, "held_out_seed": 0, "values": {"update.k": [1, 2]}}
    own = tmp_path / "own.yaml"
    own.write_text(yaml.safe_dump({"searches": {"own_search": search}}))
    plan = functools.partial(snakemake, directory, "--dry-run", TARGET, configs=(TINY, own))
    assert planned(plan().stdout) == {}
    path = directory / "results" / found
    path.parent.mkdir(parents=True)
    path.touch()
    assert set(planned(plan().stdout)) == {"report"}


def test_one_generation_by_force(rerun):
    generation = f"results/{RUN}/labels/002.zarr"
    assert rerun({}, "--force", target=generation) == {"labels": {f"{RUN}/labels/002.zarr"}}


def test_a_stage_by_force(rerun):
    jobs = rerun({}, "--forcerun", "labels", "--")
    assert set(jobs) == CHAIN
    assert len(jobs["labels"]) == 2


def test_updates_every_other_epoch_make_half_the_generations(rerun):
    jobs = rerun(experiment(epochs=4, update={"every": 2}))
    assert {job for job in jobs["labels"] if "001" not in job} == {f"{RUN}/labels/003.zarr"}


@pytest.mark.parametrize("kind", ["rectangles", "grabcut", "bbox_seg"])
def test_masks_from_boxes_alone_need_no_proposals(snakemake, tmp_path, kind):
    jobs = planned(snakemake(tmp_path, "--dry-run", f"results/demo_{kind}/report.html").stdout)
    assert "proposals" not in jobs
    assert jobs["fixed_masks"] == {f"data/demo/train/masks/{kind}.zarr"}
    assert len(jobs["labels"]) == 1


def test_difficult_boxes_are_a_matter_of_baselines_too(snakemake, tmp_path):
    own = tmp_path / "own.yaml"
    own.write_text(
        "experiments: {demo_bbox_seg: {update: {difficult: void}}, demo_grabcut: {update: {difficult: ignore}}}"
    )
    targets = [f"results/demo_{name}/seed-0/labels/001.zarr" for name in ("bbox_seg", "grabcut", "rectangles")]
    jobs = planned(snakemake(tmp_path, "--dry-run", "--", *targets, configs=(own,)).stdout)
    made = {f"data/demo/train/masks/{kind}.zarr" for kind in ("bbox_seg-void", "grabcut-ignore", "rectangles")}
    assert jobs["fixed_masks"] == made


def test_masks_that_no_box_chooses_do_not_depend_on_the_update(snakemake, tmp_path):
    own, target = tmp_path / "k.yaml", "results/demo_rectangles/seed-0/labels/001.zarr"
    own.write_text("experiments: {demo_rectangles: {update: {k: 3}}}")
    plans = [
        snakemake(tmp_path, "--dry-run", "--printshellcmds", target, configs=files).stdout for files in ((), (own,))
    ]
    commands = [[line for line in plan.splitlines() if "boxsup labels" in line] for plan in plans]
    assert commands[0]
    assert commands[0] == commands[1]


def test_a_page_of_proposals_compares_all_settings_but_imported_ones(config, snakemake, tmp_path):
    elsewhere = {"method": "imported", "files": "masks.json", "images": "", "min_area": 0, "max_area": 1, "nms": 1}
    override = tmp_path / "imported.yaml"
    override.write_text(yaml.safe_dump({"proposals": {"sam": elsewhere | {"max_candidates": 2000, "seed": 0}}}))
    target = "results/data/demo/val/proposals/report.html"
    jobs = planned(snakemake(tmp_path, "--dry-run", target, configs=(TINY, override)).stdout)
    names = [name for name, settings in config["proposals"].items() if settings["method"] != "imported"]
    folder = "data/demo/val/proposals"
    shards = range(config["datasets"]["demo"]["shards"])
    assert set(jobs) == {"shapes", "inventory", "catalogue", "proposals", "proposal_evaluation", "proposal_report"}
    assert jobs["proposals"] == {f"{folder}/{name}/{i}-of-{len(shards)}.zarr" for name in names for i in shards}
    assert jobs["proposal_evaluation"] == {f"{folder}/{name}/evaluation/objects.csv" for name in names}
    assert jobs["proposal_report"] == {f"{folder}/report.html"}


def test_settings_of_proposals_remake_what_they_made_and_its_evaluation(rerun):
    target = "results/data/demo/train/proposals/mcg/evaluation/summary.csv"
    assert set(rerun({}, target=target)) == {"proposal_evaluation"}
    jobs = rerun({"proposals": {"mcg": {"nms": 0.8}}}, target=target)
    assert set(jobs) == {"proposals", "proposal_evaluation"}


@pytest.mark.parametrize(("files", "known"), [("masks.json", True), ("masks/{image}.json", False)])
def test_one_file_of_imported_candidates_is_an_input(snakemake, tmp_path, files, known):
    imported = {"method": "imported", "files": files, "images": "", "min_area": 0, "max_area": 1, "nms": 1}
    override = tmp_path / "imported.yaml"
    override.write_text(yaml.safe_dump({"proposals": {"sam": imported | {"max_candidates": 2000, "seed": 0}}}))
    target = "results/data/demo/train/proposals/sam/0-of-2.zarr"
    (tmp_path / "masks.json").write_text("[]")
    output = snakemake(tmp_path, "--dry-run", target, configs=(TINY, override)).stdout
    assert ("input: results/data/demo/train/images.csv, masks.json\n" in output) == known


def test_the_papers_experiment_is_planned_whole(snakemake, tmp_path):
    jobs = planned(snakemake(tmp_path, "--dry-run", "results/voc_semi/report.html", configs=()).stdout)
    assert {rule: len(made) for rule, made in jobs.items()} == {
        "download": 1,
        "inventory": 3,
        "catalogue": 3,
        "proposals": 32,
        "overlaps": 32,
        "fixed_masks": 1,
        "network": 1,
        "objects": 2,
        "labels": 45,
        "label_quality": 45,
        "epoch": 45,
        "labelling": 1,
        "predictions": 1,
        "evaluation": 1,
        "trimap": 1,
        "report": 1,
    }


def test_a_union_takes_what_its_parts_have(snakemake, tmp_path):
    jobs = planned(snakemake(tmp_path, "--dry-run", "results/voc07_coco_semi/report.html", configs=()).stdout)
    # VOC 2012 keeps its masks: boxes choose in the other parts only, and COCO's candidates are made once for both sets.
    proposed = {"voc07/trainval": 32, "voc07/test": 32, "coco/train2017": 32, "coco/val2017": 32}
    boxed = {name.replace("coco/", "coco_voc/"): n for name, n in proposed.items()}
    for stage, splits in (("proposals", proposed), ("overlaps", boxed)):
        assert jobs[stage] == {
            f"data/{name}/{stage}/mcg/{i}-of-{n}.zarr" for name, n in splits.items() for i in range(n)
        }
    assert jobs["fixed_masks"] == {"data/voc/trainaug/masks/truth.zarr"}
    assert jobs["join"] == {f"data/voc07_coco/{split}/images.csv" for split in ("train", "masks", "val")}
    assert len(jobs["labels"]) == len(jobs["epoch"]) == 45


def test_masks_of_a_union_need_no_proposals(snakemake, tmp_path):
    jobs = planned(snakemake(tmp_path, "--dry-run", "results/voc_coco_mask/report.html", configs=()).stdout)
    parts = ("voc/trainaug", "coco_voc/train2017", "coco_voc/val2017")
    assert jobs["fixed_masks"] == {f"data/{part}/masks/truth.zarr" for part in parts}
    assert "proposals" not in jobs
    assert len(jobs["labels"]) == 1


def test_an_experiment_may_start_from_anothers_checkpoint(snakemake, tmp_path):
    jobs = planned(snakemake(tmp_path, "--dry-run", "results/context_coco_box/report.html", configs=()).stdout)
    runs = [f"{name}/seed-0" for name in ("coco_box", "context_coco_box")]
    assert jobs["network"] == {f"{run}/epochs/000/model.pt" for run in runs}
    assert jobs["epoch"] == {f"{run}/epochs/{epoch:03d}/model.pt" for run in runs for epoch in range(1, 46)}
    assert jobs["report"] == {"context_coco_box/report.html"}
    assert jobs["fixed_masks"] == {"data/context/train/masks/truth.zarr"}


def test_every_experiment_of_the_configuration_is_planned(config, snakemake, tmp_path):
    targets = [f"results/{name}/report.html" for name in config["experiments"]]
    jobs = planned(snakemake(tmp_path, "--dry-run", "--", *targets, configs=()).stdout)
    assert jobs["report"] == {target.removeprefix("results/") for target in targets}


README = (ROOT / "README.md").read_text(encoding="utf-8")
OWN = (ROOT / "docs/own-data.md").read_text(encoding="utf-8")
PAGES = (README, OWN, (ROOT / "docs/experiments.md").read_text(encoding="utf-8"))
COMMANDS = [
    command
    for page in PAGES
    for command in re.findall(r"^\.venv/bin/snakemake (.+?results/\S+\.html)", page, re.MULTILINE)
]


@pytest.mark.parametrize("arguments", COMMANDS)
def test_commands_of_the_first_pages_are_planned_as_typed(planner, tmp_path, arguments):
    [mine] = re.findall(r"```yaml\n# mine\.yaml\n(.+?)```", OWN, re.DOTALL)
    (tmp_path / "mine.yaml").write_text(mine)
    for name in ("Snakefile", "workflow", "config.yaml", "tests"):  # a clone without results
        (tmp_path / name).symlink_to(ROOT / name)
    result = planner.run([sys.executable, "-m", "snakemake", "--dry-run", *arguments.split()], tmp_path)
    assert result.returncode == 0, result.stdout
    assert any(jobs for jobs in planned(result.stdout).values()), result.stdout


def test_the_readmes_commands_for_own_data_are_planned_as_typed(tmp_path, monkeypatch, capfd):
    [init] = re.findall(r"^\.venv/bin/boxsup (init [^#\n]+)", README, re.MULTILINE)
    [run] = re.findall(r"^\.venv/bin/boxsup (run [^#\n]+)", README, re.MULTILINE)
    own_data.write_images(tmp_path / "photos", made := own_data.pictures(3))
    own_data.write_labelme(tmp_path / "annotations", made)
    monkeypatch.chdir(tmp_path)
    main(init.split())
    main([*run.split(), "--dry-run"])
    assert re.search(r"would run \d+ jobs for results/own_box/report.html", capfd.readouterr().out)


def test_an_archive_for_the_server_of_any_split(snakemake, tmp_path):
    target = "results/demo_rectangles/seed-0/comp6"
    jobs = planned(snakemake(tmp_path, "--dry-run", f"{target}/masks/006.tar").stdout)
    assert jobs["split_predictions"] == {"demo_rectangles/seed-0/predictions/masks/006.zarr"}
    assert "predictions" not in jobs
    jobs = planned(snakemake(tmp_path, "--dry-run", f"{target}/val/006.tar").stdout)
    assert jobs["predictions"] == {"demo_rectangles/seed-0/predictions/006.zarr"}
    assert jobs["comp6"] == {"demo_rectangles/seed-0/comp6/val/006.tar"}


def test_any_experiments_are_drawn_in_one_figure(snakemake, tmp_path):
    target = "results/trimap/demo_mask+demo_rectangles.html"
    jobs = planned(snakemake(tmp_path, "--dry-run", target).stdout)
    assert jobs["trimap"] == {f"{name}/seed-0/trimap/012.csv" for name in ("demo_mask", "demo_rectangles")}
    assert jobs["trimap_plot"] == {"trimap/demo_mask+demo_rectangles.html"}


def test_a_search_runs_its_points_on_the_same_proposals(rerun):
    jobs = rerun({}, target="results/demo_box_search/search.csv")
    assert set(jobs) == {"network", "labels", "epoch", "predictions", "search"}
    assert jobs["predictions"] == {f"demo_box_search_{point}/seed-0/predictions/002.zarr" for point in (1, 2, 3)}


def test_a_search_over_inference_trains_one_network(snakemake, tmp_path):
    override = tmp_path / "bias.yaml"
    values = {"inference.background_bias": [-1.0, -0.5, 0.0]}
    own = {"experiment": "demo_box", "held_out": 1, "held_out_seed": 0, "values": values}
    override.write_text(yaml.safe_dump({"searches": {"own": own}}))
    jobs = planned(snakemake(tmp_path, "--dry-run", "results/own/search.csv", configs=(TINY, override)).stdout)
    assert jobs["epoch"] == {f"demo_box/seed-0/epochs/00{epoch}/model.pt" for epoch in (1, 2)}
    assert jobs["predictions"] == {f"own_{point}/seed-0/predictions/002.zarr" for point in (1, 2, 3)}


def test_a_page_of_the_paper_runs_its_experiments_or_takes_what_there_is(snakemake, tmp_path):
    jobs = planned(snakemake(tmp_path, "--dry-run", "results/paper_demo/report.html").stdout)
    rows = ("mask", "box", "semi", "rectangles", "grabcut", "bbox_seg", "box_greedy")
    assert jobs["evaluation"] >= {f"demo_{row}/seed-0/evaluation/012.csv" for row in rows if row not in ("semi", "box")}
    assert len(jobs["evaluation"]) == len(rows)
    assert set(planned(snakemake(tmp_path, "--dry-run", "results/paper/report.html").stdout)) == {"paper"}


def test_a_page_and_an_experiment_of_one_name_are_refused(snakemake, tmp_path):
    config = tmp_path / "own.yaml"
    config.write_text("pages: {demo_mask: {full: '', small: demo, run: false}}")
    result = snakemake(tmp_path, "--dry-run", "results/demo_mask/report.html", configs=(config,), status=1)
    assert "pages.demo_mask: an experiment has this name" in result.stdout


def test_a_search_for_the_crfs_weights_is_made_when_asked_for_and_shown_then(demo, snakemake, tmp_path):
    directory = copy_of(demo, tmp_path / "run")
    searched, report = f"results/{RUN}/crf_search/002.csv", TARGET
    few = {"rounds": 2, "bilateral_weight": [2, 6], "bilateral_xy": [10, 30], "bilateral_rgb": [4, 12]}
    changes = {"inference": {"crf_search": few}, "validation": {"held_out": 2}}

    def run(*arguments):
        override = tmp_path / "search.yaml"
        override.write_text(yaml.safe_dump(experiment(**changes)))
        return planned(snakemake(directory, *arguments, configs=(TINY, override)).stdout)

    assert "crf_search" not in run("--dry-run", report)
    assert run("--dry-run", searched) == {"crf_search": {f"{RUN}/crf_search/002.csv"}}
    run(searched, report)
    run(report)
    assert 'id="crf"' in (directory / report).read_text()
    assert run("--dry-run", report) == {}
    best = pd.read_csv(directory / searched).sort_values("mean_iou").iloc[-1]
    changes["inference"]["crf"] = {"bilateral_xy": float(best["bilateral_xy"])}
    assert set(run("--dry-run", report)) == {"labelling", "predictions", "evaluation", "trimap", "report"}


def test_a_search_for_the_crfs_weights_that_cannot_be_made_is_refused_before_training(snakemake, tmp_path):
    override = tmp_path / "search.yaml"
    cases = [
        (
            {"held_out": 0},
            2,
            "demo_semi.validation.held_out: no image is held out to search on; set it",
        ),
        ({"held_out": 2}, 0, "demo_semi.inference.crf.iterations: 0 is no CRF, so there is nothing to search; set it"),
    ]
    for validation, iterations, message in cases:
        changes = {"inference": {"crf": {"iterations": iterations}}, "validation": validation}
        override.write_text(yaml.safe_dump(experiment(**changes)))
        target = f"results/{RUN}/crf_search/002.csv"
        output = snakemake(tmp_path, "--dry-run", target, configs=(TINY, override), status=1).stdout
        assert f"boxsup: error: config: experiments.{message}" in output
        assert "Traceback" not in output
        # A page does without a search that was made under other settings.
        (tmp_path / target).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / target).touch()
        planned_of_page = planned(snakemake(tmp_path, "--dry-run", TARGET, configs=(TINY, override)).stdout)
        assert "report" in planned_of_page
        assert "crf_search" not in planned_of_page
        (tmp_path / target).unlink()


def test_more_held_out_images_than_there_are_stop_a_run_before_training(demo, snakemake, tmp_path):
    override, message = tmp_path / "held_out.yaml", "4 images, and the split has 4 with a true mask; hold out fewer"
    own = {"experiment": "demo_box", "held_out": 4, "held_out_seed": 0, "values": {"update.k": [1, 2]}}
    changes = experiment(validation={"held_out": 4}, epochs=3)
    override.write_text(yaml.safe_dump({**changes, "searches": {"own": own}}))
    targets = {
        f"results/{RUN}/evaluation/003.csv": "experiments.demo_semi.validation.held_out",
        "results/own/search.csv": "searches.own.held_out",
    }
    there = copy_of(demo, tmp_path / "run")
    for target, where in targets.items():  # tables that are there are looked at before any job
        output = snakemake(there, target, configs=(TINY, override), status=1).stdout
        assert f"boxsup: error: config: {where}: {message}" in output
        assert not list(there.glob("results/demo_semi/seed-0/epochs/003/*")) + list(there.glob("results/own_1"))
    # Tables that are not there yet are looked at by the job that makes them.
    target, where = next(iter(targets.items()))
    output = snakemake(tmp_path / "new", target, configs=(TINY, override), status=1).stdout
    assert f"boxsup: error: config: {where}: {message}" in output
    assert "rule epoch" not in output
    assert not list(tmp_path.glob(f"new/results/{RUN}/epochs/001"))


def test_an_unknown_experiment_is_named(snakemake, tmp_path):
    output = snakemake(tmp_path, "--dry-run", "results/nope/report.html", status=1).stdout
    assert "results/nope/report.html: 'nope' is none of the experiments" in output


def test_a_misspelt_key_is_one_line(snakemake, tmp_path):
    override = tmp_path / "wrong.yaml"
    override.write_text("experiments: {demo_semi: {update: {kk: 3}}}")
    output = snakemake(tmp_path, "--dry-run", TARGET, configs=(TINY, override), status=1).stdout
    assert "boxsup: error: config: experiments.demo_semi.update.kk: unknown key; did you mean k?" in output
    assert "Traceback" not in output


ASKED_FOR = {
    "voc/source.json": ["VOCtrainval_11-May-2012.tar", "benchmark.tgz"],
    "coco/val2017/images.csv": ["data/coco/annotations/instances_val2017.json", "val2017.zip", "`root`"],
    "context/source.json": ["VOCtrainval_03-May-2010.tar", "data/VOCdevkit", "`root`"],
    "voc07/source.json": ["VOCtrainval_06-Nov-2007.tar", "VOCtest_06-Nov-2007.tar", "data/VOCdevkit"],
}


def test_each_data_set_that_is_not_there_says_what_to_put_where(snakemake, tmp_path):
    override = tmp_path / "offline.yaml"
    offline = {name: {"download": False} for name in ("voc", "voc07", "context")}
    override.write_text(yaml.safe_dump({"datasets": offline}))
    targets = [f"results/data/{path}" for path in ASKED_FOR]
    output = snakemake(tmp_path, "--keep-going", "--", *targets, configs=(override,), status=1).stdout
    lines = {line for line in output.splitlines() if "boxsup: error: " in line}
    assert len(lines) == len(ASKED_FOR)
    for path, words in ASKED_FOR.items():
        asked = [*words, "results/demo_semi/report.html"]
        assert [line for line in lines if all(word in line for word in asked)], path
    assert "Traceback" not in output
    assert [target for target in targets if (tmp_path / target).exists()] == []


def test_the_snakefile_is_in_good_condition(snakemake, tmp_path):
    assert "good condition" in snakemake(tmp_path, "--lint").stdout
