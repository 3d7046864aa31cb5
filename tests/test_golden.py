"""A golden test that fails says what it means and what to do."""

import pytest

from helpers.golden import VERSIONS, check_golden
from helpers.paths import ROOT


def test_a_result_that_is_on_record_passes():
    check_golden("labels", ([1, 2], "ab"), ([1, 2], "ab"))
    check_golden("proposals", [0.1000001], pytest.approx([0.1]))


def test_a_changed_result_names_the_stage_the_file_and_both_values():
    with pytest.raises(pytest.fail.Exception) as failure:
        check_golden("labels", (496, "old"), (497, "new"))
    for words in ('raise the version of "labels" in', VERSIONS, "(496, 'old')", "(497, 'new')", "CHANGELOG.md"):
        assert words in str(failure.value)
    assert '"labels"' in (ROOT / VERSIONS).read_text()
