"""What an hour of labelling buys: scores that follow a law exactly, and scores that say too little."""

from __future__ import annotations

import numpy as np
import pytest

from boxsup.cli import main
from boxsup.errors import DataError
from boxsup.evaluation.growth import HOUR, Size, best, fit, offers

LAW = {"boxes": (3.0, 0.2), "masks": (2.8, 0.2)}  # a, b of 1 - score = a·n^-b


def score(kind: str, images: float) -> float:
    a, b = LAW[kind]
    return 1 - a * images**-b


def sizes(kind: str, *numbers: int, scatter: float = 1e-4) -> list[Size]:
    """Two seeds a size, a little above and below the law."""
    return [Size(n, tuple(1 - (1 - score(kind, n)) * np.exp([-scatter, scatter]))) for n in numbers]


def test_a_law_is_found_and_an_hour_is_worked_out_by_it() -> None:
    growths = fit(sizes("boxes", 500, 1000, 2000), sizes("masks", 500, 1000))
    assert np.median(growths[0].slope) == pytest.approx(0.2, abs=1e-3)
    found = offers(growths, 2000, [("boxes", 20.0), ("masks", 200.0), ("reviews", 40.0)])
    medians = {offer.kind: np.median(offer.gain) for offer in found}
    now = score("boxes", 2000)
    assert found[0].images == HOUR / 20 == 180
    assert medians["boxes"] == pytest.approx(score("boxes", 2180) - now, abs=1e-4)
    share = 18 / 2018
    mixed = (1 - share) * score("boxes", 2018) + share * score("masks", 2018)
    assert medians["masks"] == pytest.approx(mixed - now, abs=1e-4)
    share = 90 / 2000
    assert medians["reviews"] == pytest.approx(share * (score("masks", 2000) - now), abs=1e-4)
    assert best(found) == "boxes"


def test_masks_of_one_size_grow_as_boxes_do_and_without_any_boxes_stand_alone() -> None:
    one = fit(sizes("boxes", 500, 2000), sizes("masks", 500))[1]
    assert one is not None
    assert np.median(one.scores(2000)) == pytest.approx(score("masks", 2000), abs=1e-3)
    growths = fit(sizes("boxes", 500, 2000), [])
    assert growths[1] is None
    assert [offer.kind for offer in offers(growths, 2000, [("boxes", 20.0), ("masks", 99.0)])] == ["boxes"]
    assert best(offers(growths, 2000, [("boxes", 20.0)])) == ""


def test_scores_that_say_nothing_are_refused() -> None:
    with pytest.raises(DataError, match="two numbers or more"):
        fit(sizes("boxes", 500), [])
    with pytest.raises(DataError, match="how much of them is chance"):
        fit([Size(500, (0.4,)), Size(1000, (0.5,))], [])


def test_runs_of_one_size_that_are_given_one_by_one_are_its_seeds() -> None:
    seeds, larger, masks = (0.423, 0.424, 0.431), Size(635, (0.494,)), (0.443, 0.435)
    whole = fit([Size(240, seeds), larger], [Size(240, masks)])
    single = fit([*(Size(240, (seed,)) for seed in seeds), larger], [Size(240, (seed,)) for seed in masks])
    for one, other in zip(whole, single, strict=True):
        assert one is not None
        assert other is not None
        assert (one.level == other.level).all()
        assert (one.slope == other.slope).all()


def test_few_seeds_give_wide_ranges_and_no_advice() -> None:
    few = fit(sizes("boxes", 500, 1000, scatter=0.1), sizes("masks", 500, scatter=0.1))
    found = offers(few, 1000, [("boxes", 20.0), ("masks", 200.0)])
    low, high = np.percentile(found[0].gain, [10, 90])
    assert low < 0 < high
    assert best(found) == ""


def test_the_best_must_be_so_at_its_slowest_against_the_others_at_their_fastest() -> None:
    growths = fit(sizes("boxes", 500, 1000, 2000), sizes("masks", 500, 1000))
    assert best(offers(growths, 2000, [("boxes", 20.0), ("boxes", 300.0), ("masks", 150.0), ("masks", 200.0)])) == ""
    assert best(offers(growths, 2000, [("boxes", 20.0), ("boxes", 60.0), ("masks", 200.0)])) == "boxes"


def test_the_command_prints_each_kind_and_what_follows(capsys: pytest.CaptureFixture[str]) -> None:
    boxes, masks = ["240=41.6,43.0,42.6", "635=49.3"], ["240=44.3,43.5,43.9", "635=50.5"]
    main(["advise", "--boxes", *boxes, "--masks", *masks, "--objects", "3.3", "--review-seconds", "20"])
    told = capsys.readouterr().out.splitlines()
    assert told[0].startswith("635 images have boxes.")
    assert [line.split()[0] for line in told[1:6]] == ["boxes", "boxes", "masks", "masks", "reviews"]
    assert "23 s an image,    156 images" in told[1]
    assert told[-1].startswith("Two sizes fit any law")
    main(["advise", "--boxes", *boxes, "1200=54.0", "--objects", "3.3"])
    assert capsys.readouterr().out.endswith("to compare boxes with masks and reviews.\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--boxes", "240:42", "--objects", "3"], "--boxes 240:42: expected IMAGES=MIOU in per cent"),
        (["--boxes", "240=142", "--objects", "3"], "--boxes 240=142: expected IMAGES=MIOU"),
        (["--boxes", "240=4.2.1", "--objects", "3"], "expected IMAGES=MIOU"),
        (["--boxes", "240=42", "635=49", "--objects", "0"], "--objects 0: expected a number above 0"),
        (["--boxes", "240=42", "635=49", "--objects", "3"], "how much of them is chance"),
    ],
)
def test_wrong_arguments_are_told_in_a_line(
    capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    with pytest.raises(SystemExit):
        main(["advise", *arguments])
    assert message in capsys.readouterr().err
