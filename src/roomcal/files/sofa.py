"""Read SOFA files (AES69) of impulse responses, in a process of their own."""

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from roomcal.dsp.fractional_delay import HALF_WIDTH, WHOLE_SAMPLE, delayed
from roomcal.errors import InputError
from roomcal.files.foreign_response import ForeignResponse
from roomcal.files.limited import read_limited

MOST_BYTES = 512 << 20
TIMEOUT_S = 90.0
LONGEST_DELAY_S = 10.0
MOST_DELAY_SAMPLES = 2_000_000  # of all responses together: a file of some bytes says them
MOST_RESPONSES = 5000
HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"


def is_sofa(path: Path, first: bytes) -> bool:
    """Tell a SOFA file by its ending, or by the first bytes of HDF5."""
    return path.suffix.lower() == ".sofa" or first.startswith(HDF5_MAGIC)


def read_sofa(path: Path) -> list[ForeignResponse]:
    """Read every response: measurement by measurement, in each receiver by receiver.

    Names are `m1-r1`, with `-e1` where there are several emitters. `Data.Delay` is put in front of
    the samples. If any of the delays has a fraction of a sample, all responses of the file get the
    same 32 samples more, for the filter that delays by it.

    Raises
    ------
    InputError
        RC-301 if it cannot be read, RC-304 if it has several rates, RC-318 if it is damaged or
        holds no responses.
    """
    if not read_limited(path, most_bytes=MOST_BYTES).startswith(HDF5_MAGIC):
        raise _wrong(path, "at byte 0: it is no HDF5 file")
    header, body = _answer(path)
    if "error" in header:
        raise _wrong(path, str(header["error"]))
    try:
        shape = tuple(int(n) for n in header["shape"])
        samples = np.frombuffer(body, "<f8").reshape(shape)
        delays = np.array(header["delay"], dtype=np.float64).reshape(shape[:3])
        rates = [float(r) for r in header["rates"]]
    except (KeyError, TypeError, ValueError) as error:
        raise _wrong(path, f"its content contradicts itself: {error}") from error
    fs = _rate(path, rates)
    if math.prod(shape[:3]) > MOST_RESPONSES:
        raise _wrong(path, f"it holds {math.prod(shape[:3])} responses; {MOST_RESPONSES} at most")
    if not (
        np.isfinite(delays).all() and (0.0 <= delays.min() <= delays.max() <= LONGEST_DELAY_S * fs)
    ):
        raise _wrong(path, "it has a delay below 0 or above 10 s")
    if delays.sum() > MOST_DELAY_SAMPLES:
        raise _wrong(path, f"its delays add up to {delays.sum():.3g} samples")
    fractions = bool((np.abs(delays - np.round(delays)) > WHOLE_SAMPLE).any())
    if fractions:
        delays = delays + HALF_WIDTH
    found = []
    for m, r, e in np.ndindex(*shape[:3]):
        name = f"m{m + 1}-r{r + 1}" + (f"-e{e + 1}" if shape[2] > 1 else "")
        h = samples[m, r, e]
        if not np.isfinite(h).all():
            raise _wrong(path, f"response {name} has samples that are no numbers")
        delay = float(delays[m, r, e])
        room = np.zeros(math.ceil(delay) + (HALF_WIDTH if fractions else 0))
        found.append(ForeignResponse(delayed(np.concatenate([h, room]), delay), fs, name))
    return found


def _answer(path: Path) -> tuple[dict[str, Any], bytes]:
    """Let another process open the file; what happens to it does not happen to this one."""
    command = [sys.executable, "-P", "-m", "roomcal.files.sofa_child", str(path.resolve())]
    try:
        done = subprocess.run(command, capture_output=True, timeout=TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise _wrong(path, f"reading it took more than {TIMEOUT_S:.0f} s") from error
    line, newline, body = done.stdout.partition(b"\n")
    if done.returncode != 0 or not newline:
        raise _wrong(path, f"the HDF5 library gave up on it (exit code {done.returncode})")
    header = json.loads(line)
    return header, body


def _rate(path: Path, rates: list[float]) -> int:
    if len(rates) != 1:
        raise InputError(
            "RC-304",
            f"{path.name} holds several sample rates",
            hint="save one rate in a file",
            path=str(path),
        )
    fs = round(rates[0]) if math.isfinite(rates[0]) else 0
    if not 4000 <= fs <= 800_000 or abs(fs - rates[0]) > 1e-6 * fs:
        raise _wrong(path, f"its sample rate is {rates[0]:g}")
    return fs


def _wrong(path: Path, what: str) -> InputError:
    return InputError(
        "RC-318",
        f"{path.name}: {what}",
        hint="save it again as SOFA with impulse responses (SingleRoomSRIR, GeneralFIR)",
        path=str(path),
    )
