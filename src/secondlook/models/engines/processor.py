"""What the processor has: its caches, and products of 16-bit floats."""

from __future__ import annotations

from functools import cache
from pathlib import Path

_CACHES = Path("/sys/devices/system/cpu/cpu0/cache")
_LISTING = Path("/proc/cpuinfo")
# Where the system does not say: what a laptop has.
_USUAL_CACHE = 16 << 20
# Flags of processors that multiply bfloat16 in hardware: two of x86, one of ARM.
_BF16 = {"avx512_bf16", "amx_bf16", "bf16"}


@cache
def last_cache() -> int:
    """Bytes of the largest cache that the first core can use."""
    sizes = []
    for file in _CACHES.glob("index*/size"):
        try:
            sizes.append(int(file.read_text().strip().removesuffix("K")) << 10)
        except (OSError, ValueError):
            continue
    return max(sizes, default=_USUAL_CACHE)


@cache
def has_bf16() -> bool:
    """Whether the processor multiplies bfloat16 in hardware. Elsewhere it is widened first, which gains nothing."""
    try:
        lines = _LISTING.read_text().splitlines()
    except OSError:
        return False
    flags = next((line.partition(":")[2] for line in lines if line.startswith(("flags", "Features"))), "")
    return not _BF16.isdisjoint(flags.split())
