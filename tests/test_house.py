"""The house stands as docs/architecture.md draws it: rooms on floors, imports that lead down only, no circle."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from helpers.paths import ROOT

MAX_LINES = 300  # of a module
MAX_RULES = 200  # lines of a file of rules
# Imports that lead up or close a circle and may stay: (importing module, imported module) -> why.
ALLOWED: dict[tuple[str, str], str] = {
    ("boxsup.running.launcher.alone", "boxsup.__main__"): "started as a program, in place of `boxsup`",
}


def module_name(path: Path, root: Path = ROOT) -> str:
    """`boxsup/image/boxes.py` -> `boxsup.image.boxes`, `boxsup/image/__init__.py` -> `boxsup.image`."""
    return ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")


def imported(tree: ast.AST, modules: set[str]) -> Iterator[str]:
    """The modules that a syntax tree imports anywhere: in functions and under TYPE_CHECKING too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in modules)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: a relative import"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield from {inner if inner in modules else str(node.module)} & modules


def imports_of(root: Path) -> dict[str, set[str]]:
    """Each module of `root`/boxsup and the modules of it that it imports."""
    trees = {module_name(path, root): ast.parse(path.read_text()) for path in root.glob("boxsup/**/*.py")}
    return {module: set(imported(tree, set(trees))) - {module} for module, tree in trees.items()}


def without_allowed(imports: dict[str, set[str]]) -> dict[str, set[str]]:
    """The imports that have to follow the rules."""
    return {module: {name for name in names if (module, name) not in ALLOWED} for module, names in imports.items()}


def room_of(module: str) -> str:
    """The room of a module: the package or module directly below `boxsup`, else `boxsup` itself."""
    return ".".join(module.split(".")[:2])


def floors() -> list[str]:
    """The rooms in the order of the table in docs/architecture.md, the lowest first."""
    text = (ROOT / "docs/architecture.md").read_text()
    table = text[text.index("## The rooms") :].partition("\n## ")[0]
    cells = re.findall(r"^\| (`[^|]+) \|", table, re.MULTILINE)
    names = [name for cell in cells for name in re.findall(r"`([\w/.]+)`", cell)]
    paths = [name.removesuffix("/").removesuffix(".py").replace("/", ".") for name in names]
    return ["boxsup" if path == "__init__" else f"boxsup.{path}" for path in paths]


def upward(imports: dict[str, set[str]], order: list[str]) -> list[str]:
    """Each import that leads to a higher floor."""
    floor = {room: number for number, room in enumerate(order)}
    return sorted(
        f"{module} imports {name}"
        for module, names in imports.items()
        for name in names
        if floor[room_of(name)] > floor[room_of(module)]
    )


def circle(imports: dict[str, set[str]]) -> list[str]:
    """The modules of a circle of imports; none where there is no circle."""
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


@pytest.fixture(scope="module")
def imports() -> dict[str, set[str]]:
    return imports_of(ROOT)


def test_the_table_of_rooms_has_every_room_once(imports):
    order = floors()
    assert len(order) == len(set(order))
    assert set(order) == {room_of(module) for module in imports}


def test_no_import_leads_to_a_higher_floor(imports):
    assert upward(without_allowed(imports), floors()) == []


def test_no_circle_among_modules(imports):
    assert circle(without_allowed(imports)) == []


def test_imports_that_are_allowed_are_there_and_have_a_reason(imports):
    assert [pair for pair in ALLOWED if pair[1] not in imports[pair[0]]] == []
    assert all(ALLOWED.values())


def test_imports_in_functions_and_for_types_count(tmp_path):
    for room, text in {
        "low": "def f():\n    from boxsup.high import b\n",
        "high/b": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from boxsup import low\n",
        "high/__init__": "",
        "__init__": "",
    }.items():
        path = tmp_path / "boxsup" / f"{room}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    found = imports_of(tmp_path)
    assert found["boxsup.low"] == {"boxsup.high.b"}
    assert upward(found, ["boxsup", "boxsup.low", "boxsup.high"]) == ["boxsup.low imports boxsup.high.b"]
    assert set(circle(found)) == {"boxsup.low", "boxsup.high.b"}


@pytest.mark.parametrize(
    ("pattern", "most"), [("boxsup/**/*.py", MAX_LINES), ("workflow/**/*.smk", MAX_RULES), ("Snakefile", MAX_RULES)]
)
def test_files_are_short_enough_to_be_read(pattern, most):
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in ROOT.glob(pattern)}
    assert lengths
    assert {path: length for path, length in lengths.items() if length > most} == {}
