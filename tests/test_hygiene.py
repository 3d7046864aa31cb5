"""What people expect of a project: one version, release notes, a citation, forms, and checks that call `.ci/run`."""

import ast
import re
import subprocess
import sys

import pytest
import yaml

from boxsup import __version__
from boxsup.contours.detector import WEIGHTS as CONTOURS
from boxsup.version import VERSION
from helpers.paths import ROOT

FORMS = sorted((ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml"))


def read(name):
    return (ROOT / name).read_text()


def test_the_version_stands_in_one_place_and_what_must_repeat_it_agrees():
    assert __version__ == VERSION
    assert 'dynamic = ["version"]' in read("pyproject.toml")
    assert "boxsup.version.VERSION" in read("pyproject.toml")
    assert yaml.safe_load(read("CITATION.cff"))["version"] == VERSION
    written = [path for path in (ROOT / "boxsup").rglob("*.py") if f'"{VERSION}"' in path.read_text()]
    assert written == [ROOT / "boxsup/version.py"]


def notes(*words):
    command = [sys.executable, ROOT / ".ci/release_notes.py", *words]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.mark.slow
def test_the_notes_of_a_release_are_its_part_of_the_changelog():
    assert notes("9.9.9").stderr == f"boxsup/version.py says {VERSION}, asked for is 9.9.9\n"
    code = f"import sys; sys.path.insert(0, {str(ROOT / '.ci')!r}); from release_notes import notes; "
    text = (
        "# Changelog\\n\\n## [Unreleased]\\n\\n## [0.2.0] - 2026-01-01\\n### Added\\n- one\\n\\n## [0.1.0]\\n- two\\n"
    )
    told = [sys.executable, "-c", f"{code}[print(notes('{text}', v)) for v in ('0.2.0', '0.1.0', 'Unreleased')]"]
    done = subprocess.run(told, capture_output=True, text=True)
    assert done.stdout == "### Added\n- one\n- two\n"
    assert done.stderr == "CHANGELOG.md: nothing is said of Unreleased\n"


def test_the_changelog_keeps_to_its_format():
    titles = re.findall(r"^## (.+)$", read("CHANGELOG.md"), re.MULTILINE)
    assert titles[0] == "[Unreleased]"
    assert all(re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", title) for title in titles[1:])


def test_the_hosts_checks_are_those_of_the_project_on_every_python_that_is_promised():
    jobs = yaml.safe_load(read(".github/workflows/ci.yml"))["jobs"]
    assert {"run": ".ci/run"}.items() <= jobs["run"]["steps"][-1].items()
    pythons = jobs["run"]["strategy"]["matrix"]["python"]
    assert pythons == re.findall(r"Python :: (3\.\d+)", read("pyproject.toml"))
    assert f'requires-python = ">={pythons[0]}"' in read("pyproject.toml")
    cached = jobs["run"]["steps"][1]["with"]
    assert cached["cache"] == "pip"
    assert list(ROOT.glob(cached["cache-dependency-path"]))


@pytest.mark.parametrize("name", [".github/workflows/ci.yml", ".github/workflows/release.yml"])
def test_files_that_the_hosts_checks_name_are_there(name):
    text = read(name)
    assert yaml.safe_load(text)["permissions"]
    for path in re.findall(r"(?:\.ci/\w+(?:\.py)?|tests/[\w/.]+\.yaml|config\.yaml|Containerfile)", text):
        assert (ROOT / path).exists(), path


def test_forms_ask_for_something_and_each_question_once():
    assert {path.name for path in FORMS} == {"bug.yml", "config.yml", "wish.yml"}
    for path in FORMS[:1] + FORMS[2:]:
        form = yaml.safe_load(path.read_text())
        assert form["name"]
        assert form["description"]
        asked = [part["id"] for part in form["body"] if part["type"] != "markdown"]
        assert len(asked) == len(set(asked)) > 0


def test_security_says_how_to_report_without_an_address_that_nobody_reads():
    text = read("SECURITY.md")
    assert "Report a vulnerability" in text
    assert "@" not in text


def test_the_licences_of_the_weights_are_said():
    text = read("docs/licences.md")
    for weights in (CONTOURS, ROOT / "boxsup/objects/network.pt"):
        assert weights.is_file()
        assert f"`{weights.relative_to(ROOT)}`" in text
    assert "BSDS500" in text
    assert "docs/licences.md" in read("README.md")


def test_the_program_of_release_notes_needs_nothing_that_is_not_in_python():
    tree = ast.parse(read(".ci/release_notes.py"))
    modules = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert modules <= set(sys.stdlib_module_names)
