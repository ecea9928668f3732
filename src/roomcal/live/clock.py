"""The monotonic clock as an address that compiled code can call."""

import ctypes
import sys
import time
from dataclasses import dataclass

from roomcal.live.memory import NO_CLOCK, UNIX_CLOCK, WINDOWS_CLOCK


@dataclass(frozen=True)
class Clock:
    """Which function tells the time, and in what."""

    kind: int
    address: int = 0
    identity: int = 0  # of the clock, for clock_gettime
    ns_per_tick: float = 1.0


def monotonic_clock() -> Clock:
    """Find the clock of this system; none is no fault: loads are then not measured."""
    try:
        if sys.platform == "win32":
            kernel = ctypes.WinDLL("kernel32")
            frequency = ctypes.c_int64()
            kernel.QueryPerformanceFrequency(ctypes.byref(frequency))
            address = ctypes.cast(kernel.QueryPerformanceCounter, ctypes.c_void_p).value
            return Clock(WINDOWS_CLOCK, address or 0, ns_per_tick=1e9 / frequency.value)
        function = ctypes.CDLL(None).clock_gettime
        address = ctypes.cast(function, ctypes.c_void_p).value
        return Clock(UNIX_CLOCK, address or 0, identity=int(time.CLOCK_MONOTONIC))
    except (OSError, AttributeError):
        return Clock(NO_CLOCK)
