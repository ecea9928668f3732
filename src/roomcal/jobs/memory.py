"""Give large blocks of memory back at once: a session keeps to what one take needs.

glibc raises the size from which on it maps blocks by themselves to that of the blocks it has seen.
Arrays of some megabytes then share one heap, which their different lives leave full of holes: a
measurement held 770 MB although 430 MB were in use.
"""

import ctypes
import sys

_MAPPED_FROM_BYTES = 4 << 20
_M_MMAP_THRESHOLD = -3  # malloc.h


def keep_memory_low() -> None:
    """Map every large block by itself; other systems than Linux with glibc do so anyway."""
    if sys.platform != "linux":
        return
    # musl has no such switch and needs none.
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _MAPPED_FROM_BYTES)
