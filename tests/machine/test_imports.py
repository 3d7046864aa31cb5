import gc
import weakref

import pytest

from boxsup.machine.imports import large_imports


@pytest.fixture(autouse=True)
def _as_it_was():
    was = gc.isenabled()
    yield
    (gc.enable if was else gc.disable)()
    gc.unfreeze()


@pytest.mark.parametrize("before", [True, False])
def test_garbage_is_looked_for_afterwards_as_before(before):
    (gc.enable if before else gc.disable)()
    with large_imports():
        assert not gc.isenabled()
    assert gc.isenabled() == before


def test_what_is_there_can_still_become_garbage():
    class Kept:
        pass

    gc.enable()
    kept = Kept()
    kept.itself = kept
    gone = weakref.ref(kept)
    with large_imports():
        pass
    del kept
    gc.collect()
    assert gone() is None


def test_garbage_is_looked_for_after_a_failed_import():
    gc.enable()
    with pytest.raises(ImportError), large_imports():
        import boxsup.there_is_no_such_module  # noqa: F401
    assert gc.isenabled()
