"""Memory that a training step frees stays with the process, for the next step.

glibc hands large buffers back to the kernel as soon as they are free. A step that leaves much behind then spends most
of its time on page faults: the kernel clears every page that it gives. With higher thresholds the same buffers are used
again and again. The price is that the process keeps the memory of its largest step until it ends.
"""

from __future__ import annotations

import ctypes
import os
from functools import cache

# The name of the switch; "system" leaves the allocator as it is.
SWITCH = "SECONDLOOK_ALLOCATOR"

# The numbers that mallopt knows its parameters by: /usr/include/malloc.h.
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -2, -3, -8
# Larger buffers than this, such as a set of images, still come and go by themselves.
_LARGE = 1 << 30
# What glibc before 2.35 takes at most for M_MMAP_THRESHOLD.
_LARGE_ONCE = 1 << 25
# The heap grows by so much at a time.
_GROWTH = 1 << 26


def keep_memory() -> bool:
    """Sets the thresholds, once per process; whether they are set.

    Nothing is done where the C library is not glibc, or the environment has SECONDLOOK_ALLOCATOR=system.
    """
    return os.environ.get(SWITCH, "") != "system" and _set()


@cache
def _set() -> bool:
    try:
        library = ctypes.CDLL(None)
        _ = library.gnu_get_libc_version  # other libraries lack it, and may have a mallopt that does nothing
        mallopt = library.mallopt
    except (AttributeError, OSError, TypeError):
        return False
    mallopt.argtypes, mallopt.restype = [ctypes.c_int, ctypes.c_int], ctypes.c_int
    mapped = mallopt(_MMAP_THRESHOLD, _LARGE) or mallopt(_MMAP_THRESHOLD, _LARGE_ONCE)
    # Other threads would have heaps of their own, which give back what they can whatever the threshold.
    one = mallopt(_ARENA_MAX, 1)
    return bool(mapped and one and mallopt(_TRIM_THRESHOLD, _LARGE) and mallopt(_TOP_PAD, _GROWTH))
