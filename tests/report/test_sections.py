"""The page's tables, by hand: scores by class, confusions, times."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from boxsup.catalogue.tables import ImageRow
from boxsup.report.experiment.class_scores import class_rows, scores_beside, with_other_truth
from boxsup.report.experiment.confusions import MAX_CLASSES, confusion_section
from boxsup.report.experiment.predictions import Scored, extremes
from boxsup.report.experiment.timings import duration, read_timings, timing_rows
from boxsup.report.shared.templates import percent_and_spread, rounded

NAN = float("nan")


def evaluation(*values: float) -> pd.DataFrame:
    names = ["background", "cat", "nan", "mean"]
    table = pd.DataFrame({"class": names, "iou": values, "iou_crf": values, "truth_pixels": [6, 3, 1, 10], "images": 3})
    return table.set_index("class").assign(boundary_iou_crf=values, boundary_f_crf=values)


@pytest.mark.parametrize(("mean", "spread", "shown"), [
    (0.4444, NAN, "44.4"), (0.4446, 0.0119, "44.5 ± 1.2"), (1.0, 0.0, "100.0 ± 0.0"), (NAN, NAN, "–"), (NAN, 0.1, "–"),
])  # fmt: skip
def test_means_and_spreads_are_shown_in_one_way(mean, spread, shown) -> None:
    assert percent_and_spread(mean, spread) == shown
    assert percent_and_spread(mean, spread, none="") == shown.replace("–", "")


def test_json_has_no_nan() -> None:
    assert (
        json.dumps([rounded(NAN, 1), rounded(1.25, 1), rounded(np.float32(0.5), 1)], allow_nan=False)
        == "[null, 1.2, 0.5]"
    )


def test_rows_of_classes() -> None:
    rows = class_rows([evaluation(0.5, 0.25, NAN, 0.375), evaluation(0.7, 0.35, NAN, 0.525)])
    assert [row["name"] for row in rows] == ["background", "cat", "nan", "mean"]
    assert rows[0]["crf"] == "60.0 ± 14.1"
    assert rows[1]["share"] == 30.0
    assert rows[1]["pixels"] == "30.0"
    assert (rows[2]["plain"], rows[2]["gain"], rows[2]["share"]) == ("–", "–", None)
    assert [row["mean"] for row in rows] == [False, False, False, True]


def test_others_go_from_the_best_to_the_worst() -> None:
    own = evaluation(0, 0, 0, 0)
    good, bad = evaluation(0.9, 0.8, NAN, 0.85), evaluation(0.5, 0.1, 0.3, 0.3)
    other = good.rename(index={"cat": "dog"})
    unknown = evaluation(NAN, NAN, NAN, NAN)
    others = {"bad": [bad], "none": [], "unknown": [unknown], "good": [good, good], "other": [other]}
    found = scores_beside(others, own)
    assert found == {"good": [90.0, 80.0, None, 85.0], "bad": [50.0, 10.0, 30.0, 30.0]}
    assert list(found) == ["good", "bad"]
    assert with_other_truth(others, own) == ["other"]


@pytest.mark.parametrize("change", [{"images": 99}, {"truth_pixels": [6, 3, 2, 11]}])
def test_scores_over_other_images_are_not_set_beside_ours(change) -> None:
    own, table = evaluation(0.9, 0.8, NAN, 0.85), evaluation(0.5, 0.1, 0.3, 0.3)
    others = {"partly": [table, table.assign(**change)], "wholly": [table.assign(**change)], "same": [table]}
    assert list(scores_beside(others, own)) == ["partly", "same"]
    assert with_other_truth(others, own) == ["partly", "wholly"]


def test_confusions_are_shares_of_the_true_class() -> None:
    matrix = 100 * np.array([[90, 10, 0, 0], [5, 10, 4, 1], [0, 1, 1, 0]])
    section = confusion_section(matrix, ["background", "cat", "dog"])
    assert section["names"] == ["background", "cat", "dog"]
    texts = [[cell["text"] for cell in cells] for _, cells in section["rows"]]
    assert texts == [["90", "10", ""], ["25", "50", "20"], ["", "50", "50"]]
    assert section["largest"] == [("dog", "cat", "50.0"), ("cat", "dog", "20.0")]
    assert section["left_out"] == 0
    assert confusion_section(np.zeros((3, 4), int), ["background", "cat", "dog"]) == {}


def test_a_handful_of_pixels_has_no_share() -> None:
    matrix = np.array([[90_000, 0, 0, 0], [50, 50, 0, 0], [49, 50, 0, 0]])
    section = confusion_section(matrix, ["background", "cat", "dog"])
    texts = [[cell["text"] for cell in cells] for _, cells in section["rows"]]
    assert texts == [["100", "", ""], ["50", "50", ""], ["", "", ""]]
    assert section["largest"] == []


def test_of_many_classes_those_with_the_most_pixels_stay() -> None:
    count = MAX_CLASSES + 10
    matrix = np.zeros((count, count + 1), int)
    np.fill_diagonal(matrix, np.arange(count))
    section = confusion_section(matrix, [str(label) for label in range(count)])
    assert section["names"] == [str(label) for label in range(10, count)]
    assert section["left_out"] == 10


@pytest.mark.parametrize(("seconds", "shown"), [
    (0.04, "0.0 s"), (9.94, "9.9 s"), (9.96, "10 s"), (59.4, "59 s"), (59.6, "1 min"), (200, "3 min 20 s"),
    (3599.7, "1 h"), (7500, "2 h 5 min"),
])  # fmt: skip
def test_durations(seconds, shown) -> None:
    assert duration(seconds) == shown


def benchmark(path: Path, row: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n" + row)


def test_times_are_those_of_the_run_and_no_longer_one(tmp_path) -> None:
    for epoch in (1, 2, 3):
        benchmark(
            tmp_path / f"epoch/seed-0/{epoch:03d}.benchmark.tsv",
            f"{10 * epoch}\t0:00:10\t{epoch}.5\t1\t1\t1\t0\t0\t50\t5\n",
        )
    benchmark(tmp_path / "network/seed-0.benchmark.tsv", "0.5\t0:00:00\t-\t-\t-\t-\t-\t-\t-\tNA\n")
    benchmark(tmp_path / "labels/seed-0/001.benchmark.tsv", "")  # the job was killed
    (tmp_path / "labels/seed-0/001.log").write_text("no benchmark")
    files = (
        "network/seed-0.benchmark.tsv",
        *(f"{stage}/seed-0/*.benchmark.tsv" for stage in ("labels", "epoch", "trimap")),
    )
    places = {path.split("/")[0]: [str(tmp_path / path)] for path in files}
    rows = timing_rows(read_timings(places, {"epoch": [1, 2], "labels": [1], "trimap": [2]}))
    assert [(row["stage"], row["jobs"], row["total"], row["mean"], row["memory"]) for row in rows] == [
        ("network", "1", "0.5 s", "0.5 s", "–"),
        ("epoch", "2", "30 s", "15 s", "2 MB"),
        ("all", "3", "30 s", "10 s", "2 MB"),
    ]
    assert timing_rows(read_timings({}, {})) == []


def test_the_best_the_worst_of_classes_and_the_worst_are_large() -> None:
    row, nan = ImageRow("", "", 1, 1, "", ""), float("nan")
    iou = [[0.9, 0.0, nan], [0.9, 0.1, nan], [0.9, nan, 0.5], [0.9, 0.8, 0.7], [0.9, 0.9, nan], [0.9, 1.0, nan]]
    scored = [Scored(row, (np.nanmean(own), nan), np.array([own, own])) for own in iou]
    scored.append(Scored(row, (nan, nan), np.full((2, 3), nan)))  # without a true mask
    assert extremes(scored, 4, 1) == [5, 0, 2, 1]
    assert extremes(scored, 10, 2) == [5, 4, 0, 2, 1, 3]
    assert extremes(scored[-1:], 4, 1) == []
    assert extremes([], 4, 1) == []
