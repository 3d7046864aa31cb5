"""A review of an object that was annotated twice: each of the equal boxes is a box of its own."""

from __future__ import annotations

import json

import pytest

from boxsup.masking.made import PARTS, Made, MadePart, write_made
from boxsup.masking.parts import write_part
from boxsup.review.ahead import Ahead
from boxsup.review.of_masks import subject_of_masks
from boxsup.review.session import Session, Wish
from helpers import decided_masks
from helpers.masks_folder import recipe

TWICE = [10, 10, 30, 30]


@pytest.fixture
def session(tmp_path):
    """A review of three equal boxes, none of which has candidates."""
    annotations = [{"category_id": 1, "bbox": TWICE}] * 3
    content = decided_masks.coco_content(annotations, [(1, "boat")])
    (tmp_path / "boxes.json").write_text(json.dumps(content))
    given, out = decided_masks.Reviewed(tmp_path, "boxes.json"), tmp_path / "masks"
    (out / PARTS).mkdir(parents=True)
    write_part(out / PARTS, "key", given.part)
    made = MadePart(given.part.record, given.part.record, "key")
    write_made(Made(out, tmp_path / "images", given.source.classes, recipe(), (made,)))
    subject = subject_of_masks(out)
    ahead = Ahead(subject.look, 1)
    yield Session(subject, ahead, 0.9)
    ahead.close()


def wish(session, number, place, verdict="nothing"):
    box = session.subject.boxes[place]
    return Wish(number, place, verdict, "made", (), (), box.key.class_name, box.corners)


def test_a_decision_on_a_duplicate_leaves_the_others_undecided(session):
    session.decide(wish(session, "first", 1))
    news = session.news(0)
    assert list(news["decided"]) == [1]
    assert (news["estimate"]["decided"], news["estimate"]["rest"]) == (1, 2)
    assert session.mask(1)[1] is None
    assert session.mask(0)[1].sum() == session.mask(2)[1].sum() == 900
    session.decide(wish(session, "second", 2, "mask"))
    assert [place for place, each in session.news(0)["decided"].items() if each] == [1, 2]
    assert session.undo("first") == 1
    assert session.news(0)["decided"][1] is None
    again = Session(session.subject, session._ahead, 0.9)
    assert {place: each["number"] for place, each in again.start()["decided"].items()} == {2: "second"}


def test_a_decision_of_when_there_were_more_duplicates_does_not_stand(session):
    session.decide(wish(session, "n", 0))
    line = json.loads(session.subject.journal.read_text())
    assert line["of"] == 3
    session.subject.journal.write_text(json.dumps({**line, "of": 4}) + "\n")
    again = Session(session.subject, session._ahead, 0.9)
    assert again.start()["estimate"]["decided"] == 0
