"""Which files `boxsup predict` means by its arguments."""

import os

import pytest

from boxsup.errors import ConfigError
from boxsup.inference.inputs import find_inputs
from boxsup.store.atomic import write_bytes
from boxsup.store.ownership import claiming


@pytest.fixture
def tree(tmp_path, monkeypatch):
    for name in ("a/1.jpg", "a/2.PNG", "a/.hidden.png", "a/notes.txt", "b/1.jpg", "b/deep/3.mp4", "x[1].png"):
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    monkeypatch.chdir(tmp_path / "in")
    return tmp_path


def names(tree, *arguments, out="out"):
    return [(item.name, item.video) for item in find_inputs(arguments, tree / out).inputs]


def test_a_folder_means_the_images_and_videos_in_it(tree):
    assert names(tree, "a") == [("1", False), ("2", False)]
    assert names(tree, str(tree / "in" / "a")) == names(tree, "a")
    assert names(tree, "b/deep") == [("3", True)]


def test_names_tell_files_of_several_folders_apart(tree):
    assert names(tree, "a", "b") == [("a/1", False), ("a/2", False), ("b/1", False)]


def test_patterns_reach_below(tree):
    assert names(tree, "**/*.jpg") == [("a/1", False), ("b/1", False)]
    assert names(tree, "b/**") == [("1", False), ("deep/3", True)]


def test_a_file_may_have_any_name(tree):
    assert names(tree, "a/notes.txt", "x[1].png") == [("a/notes", False), ("x[1]", False)]


def test_each_file_counts_once(tree):
    assert names(tree, "a/1.jpg", "a", "./a/1.jpg") == [("1", False), ("2", False)]


def test_results_are_no_inputs(tree):
    assert names(tree, "**/*.jpg", out="in/b") == [("1", False)]
    with pytest.raises(ConfigError, match="nothing in it but results"):
        names(tree, "b", out="in/b")


@pytest.mark.parametrize("argument", ["nowhere.jpg", "nothing/*.jpg", "*.txt"])
def test_what_is_not_there_is_said_with_what_is_taken(tree, argument):
    with pytest.raises(ConfigError, match=r"no such file, folder or pattern .*jpg"):
        names(tree, argument)


def test_an_empty_folder_is_said_to_be(tree):
    (tree / "in" / "empty").mkdir()
    with pytest.raises(ConfigError, match="empty: has no images or videos"):
        names(tree, "empty")


def test_two_results_of_one_name_are_refused(tree):
    (tree / "in" / "a" / "1.png").touch()
    with pytest.raises(
        ConfigError, match=r"1\.jpg and .*1\.png: their results would have one name; .* each with its own --out"
    ):
        names(tree, "a")


def test_a_link_out_of_a_folder_is_not_followed_but_a_named_one_is(tree):
    secret = tree / "secret.png"
    secret.touch()
    os.symlink(secret, tree / "in" / "a" / "link.png")
    assert names(tree, "a") == [("1", False), ("2", False)]  # the others are done
    [problem] = find_inputs(["a"], tree / "out").problems
    assert (problem.image, problem.file) == ("link", str(tree / "in/a/link.png"))
    text = "a symbolic link leads out of a; name the file itself to use it, or trust its links with --links"
    assert problem.problem == text
    assert [item.name for item in find_inputs(["a"], tree / "out", links=True).inputs] == ["1", "2", "link"]
    assert names(tree, "a/link.png") == [("link", False)]
    for both in (["a", "a/link.png"], ["a/link.png", "a"]):
        assert find_inputs(both, tree / "out").problems == []
        assert len(find_inputs(both, tree / "out").inputs) == 3


def test_where_all_are_links_nothing_is_left_and_it_is_said(tree):
    (tree / "in/links").mkdir()
    os.symlink(tree / "secret.png", tree / "in/links/link.png")
    found = find_inputs(["links"], tree / "out")
    assert (found.inputs, len(found.problems)) == ([], 1)


def test_results_of_another_run_are_no_inputs_unless_they_are_named(tree):
    with claiming(overwrite=False) as claims:
        claims.add([tree / "in/old/overlays/1.jpg"], tree / "in/old")
        write_bytes(tree / "in/old/overlays/1.jpg", b"a result")
    found = find_inputs(["**/*.jpg"], tree / "out")
    assert [item.name for item in found.inputs] == ["a/1", "b/1"]
    assert found.ours == [tree / "in/old/overlays/1.jpg"]
    assert names(tree, "old/overlays/1.jpg") == names(tree, "old/overlays") == [("1", False)]
    with pytest.raises(ConfigError, match=r"nothing in it but results, such as .*overlays/1\.jpg; name a file itself"):
        names(tree, "old/**/*.jpg")
