import ctypes
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow  # processes fill their memory

FAULTS = """
import resource, sys
import torch
from boxsup.machine.memory import keep_freed_memory
if sys.argv[1] == "kept":
    keep_freed_memory()
for number in range(40):
    if number == 20:  # the heap has the room by now
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.empty(2**24).fill_(1)  # 64 MB
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(how):
    done = subprocess.run([sys.executable, "-c", FAULTS, how], capture_output=True, text=True, check=True)
    return int(done.stdout)


def test_freed_memory_is_used_again_without_the_system_filling_its_pages():
    if not hasattr(ctypes.CDLL(None), "mallopt"):
        pytest.skip("the C library has no mallopt")
    assert faults("kept") < faults("given back") / 4
