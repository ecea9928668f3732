"""The process that opens a SOFA file: the HDF5 library is in C, and a hostile file may crash it.

Run as `python -m roomcal.files.sofa_child FILE`; answers on standard output with a line of JSON
and then bare 64-bit floats. It imports no more of roomcal than this file.
"""

import contextlib
import json
import sys
from pathlib import Path
from typing import Any

# Decompressed samples may take this much more than the file: HDF5 can pack zeros to nothing.
SPARE_BYTES = 16 << 20
MOST_RATIO = 3
ADDRESS_SPACE_BYTES = (
    3 << 30
)  # libraries and their threads; far below what would hurt a studio's PC
CPU_S = 60


def main() -> None:
    """Answer for the file named on the command line."""
    path = Path(sys.argv[1])
    _bound()
    import netCDF4

    try:
        with netCDF4.Dataset(path) as file:
            header, samples = _read(file, path.stat().st_size)
    except Exception as error:
        # Whatever a C library makes of a damaged file is the same to the user.
        header, samples = {"error": f"{error}"[:300] or type(error).__name__}, None
    out = sys.stdout.buffer
    out.write(json.dumps(header).encode() + b"\n")
    if samples is not None:
        out.write(samples.astype("<f8").tobytes())
    out.flush()


def _bound() -> None:
    """Limit memory and time where the system can."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE_BYTES, ADDRESS_SPACE_BYTES))
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))


def _read(file: Any, n_bytes: int) -> tuple[dict[str, Any], Any]:  # noqa: ANN401 - untyped library
    """Return what describes the responses, and the responses as (M, R, E, N)."""
    import numpy as np

    convention = str(getattr(file, "SOFAConventions", ""))
    if not convention:
        raise ValueError("it is no SOFA file: it names no SOFAConventions")
    kind = str(getattr(file, "DataType", ""))
    if kind not in ("FIR", "FIR-E"):
        raise ValueError(f"its data type is {kind[:20]!r}; impulse responses are FIR")
    variable = file.variables["Data.IR"]
    shape = tuple(int(n) for n in variable.shape)
    if len(shape) != (4 if kind == "FIR-E" else 3) or 0 in shape:
        raise ValueError(f"Data.IR has the shape {shape}")
    total = 8
    for n in shape:
        total *= n
    if total > SPARE_BYTES + MOST_RATIO * n_bytes:
        raise ValueError(f"Data.IR would take {total} bytes, the file has {n_bytes}")
    samples = np.ma.filled(np.asarray(variable[:], np.float64), np.nan)
    samples = samples[:, :, np.newaxis] if kind == "FIR" else np.moveaxis(samples, 2, 3)
    rates = np.unique(_small(file, "Data.SamplingRate"))
    delay = _small(file, "Data.Delay") if "Data.Delay" in file.variables else np.zeros(1)
    if delay.ndim == 1:
        delay = delay[np.newaxis]
    if kind == "FIR":
        delay = delay[..., np.newaxis] if delay.ndim == 2 else delay
    elif delay.ndim == 2:
        delay = delay[..., np.newaxis]
    delay = np.broadcast_to(delay, samples.shape[:3])
    header = {
        "convention": convention[:100],
        "shape": list(samples.shape),
        "rates": [float(r) for r in rates[:3]],
        "delay": [float(d) for d in delay.ravel()],
        "title": str(getattr(file, "Title", ""))[:200],
    }
    return header, samples


def _small(file: Any, name: str) -> Any:  # noqa: ANN401 - untyped library
    """Return a variable that holds few numbers."""
    import numpy as np

    variable = file.variables[name]
    if int(np.prod([int(n) for n in variable.shape], dtype=float)) > 1_000_000:
        raise ValueError(f"{name} has the shape {variable.shape}")
    return np.asarray(variable[:], np.float64)


if __name__ == "__main__":
    main()
