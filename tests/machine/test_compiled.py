"""What is said of compiling: once, and only where a loop is compiled and not taken from the cache."""

import importlib.util

from boxsup.machine.compiled import when_compiling

LOOPS = """
from boxsup.machine.compiled import compiled

@compiled
def inner(value):
    return value + 1

@compiled
def outer(value):
    return 2 * inner(value)
"""


def load(path):
    """The module anew, as another process would have it."""
    spec = importlib.util.spec_from_file_location("loops", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_call_is_made_once_where_loops_are_compiled_and_never_where_they_are_cached(tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", "")
    path = tmp_path / "loops.py"
    path.write_text(LOOPS)
    calls = []
    loops = load(path)
    with when_compiling(lambda: calls.append("compiling")):
        assert loops.outer(3) == 8
        assert loops.outer(3.0) == 8.0
    assert calls == ["compiling"]
    with when_compiling(lambda: calls.append("again")):
        assert load(path).outer(3) == 8
    assert calls == ["compiling"]
