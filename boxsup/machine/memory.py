"""What is asked of the C library's allocator."""

from __future__ import annotations

import ctypes

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of mallopt(3)
LARGEST = 2**30  # bytes of an array


def keep_freed_memory() -> None:
    """Let this process keep what it frees for what it allocates next.

    As it stands, glibc gives each large array back to the system, which fills the next one with zeros, page by page:
    that is a sixth of a training step on the CPU, a fourteenth of proposals. The most that is in use does not grow by
    it. Other C libraries are left as they are.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, LARGEST)
        mallopt(M_TRIM_THRESHOLD, 2**31 - 1)
