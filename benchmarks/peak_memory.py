"""The most memory that a program of Python held, read by that program at its end."""

import subprocess
import sys

# Linux begins ru_maxrss with what the parent held when it started the process; VmHWM does not.
_PRINT_PEAK = """
import pathlib, resource, sys
_status = pathlib.Path("/proc/self/status")
_lines = _status.read_text().splitlines() if _status.is_file() else []
_own = [float(x.split()[1]) / 1024 for x in _lines if x.startswith("VmHWM")]
_unit = 2**20 if sys.platform == "darwin" else 1024
print(_own[0] if _own else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _unit)
"""


def peak_memory_mb(code: str, *arguments: str) -> float:
    """Run code in a process of its own: the peak of its resident memory in MB (2**20 bytes)."""
    done = subprocess.run(
        [sys.executable, "-c", code + _PRINT_PEAK, *arguments],
        check=True,
        capture_output=True,
        text=True,
    )
    return float(done.stdout.split()[-1])
