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


RESIDENT = """
from pathlib import Path
import numpy as np
from boxsup.machine.memory import giving_back, keep_freed_memory
def megabytes():
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024
def fill():
    held = [np.ones(2**23, np.uint8) for _ in range(20)]  # 160 MB
    assert len(held) == 20
keep_freed_memory()
start = megabytes()
fill()
kept = megabytes() - start
with giving_back():
    entered = megabytes() - start
    fill()
    within = megabytes() - start
fill()
print(kept, entered, within, megabytes() - start)
"""


def test_within_a_block_freed_memory_goes_back_to_the_system_and_afterwards_it_is_kept_again():
    if not hasattr(ctypes.CDLL(None), "malloc_trim"):
        pytest.skip("the C library has no malloc_trim")
    done = subprocess.run([sys.executable, "-c", RESIDENT], capture_output=True, text=True, check=True)
    kept, entered, within, after = map(float, done.stdout.split())
    assert kept > 140 < after
    assert max(entered, within) < 20


GROWTH = """
from pathlib import Path
import numpy as np
from boxsup.machine.memory import giving_back
def megabytes():
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024
with giving_back():
    pass
start = megabytes()
held = [np.ones(2**26, np.uint8) for _ in range(6)]  # 384 MB
last = np.ones(50 * 2**20, np.uint8)
del held
print(megabytes() - start)
"""


def test_a_process_that_keeps_no_freed_memory_is_left_as_it_was():
    done = subprocess.run([sys.executable, "-c", GROWTH], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 100
