"""Read raw 64-bit floats (`.dbl`), as Acourate and rePhase write their filters and responses.

Such a file says nothing about itself: the sample rate stands in its name (`Cor1L48.dbl`) or must
be given.
"""

import re
from pathlib import Path

import numpy as np

from roomcal.errors import InputError
from roomcal.files.foreign_response import ForeignResponse
from roomcal.files.limited import read_limited

MOST_BYTES = 128 << 20  # 16 million samples: 87 s at 192 kHz
LARGEST = 1e6  # of a float that is audio at all; bytes of anything else reach 1e300
_RATES = {
    "44": 44100,
    "48": 48000,
    "88": 88200,
    "96": 96000,
    "176": 176400,
    "192": 192000,
    "352": 352800,
    "384": 384000,
}
_RATE_AT_END = re.compile(rf"(?<!\d)({'|'.join(_RATES)}|{'|'.join(map(str, _RATES.values()))})k?$")


def read_dbl(path: Path, fs: int | None = None) -> list[ForeignResponse]:
    """Read a file of bare samples.

    Raises
    ------
    InputError
        RC-301 if it cannot be read, RC-304 if nothing says the rate, RC-318 if it is no such file.
    """
    data = read_limited(path, most_bytes=MOST_BYTES)
    if len(data) % 8:
        raise _wrong(path, len(data) - len(data) % 8, "the last number is cut off")
    samples = np.frombuffer(data, "<f8")
    sane = np.isfinite(samples) & (np.abs(samples) <= LARGEST)
    if not sane.all():
        first = int(np.argmin(sane))
        raise _wrong(path, 8 * first, f"{samples[first]!r} is no sample")
    if not np.any(samples):
        raise _wrong(path, 0, "it is silent")
    named = _RATE_AT_END.search(path.stem)
    if fs is None and named:
        fs = _RATES.get(named[1]) or int(named[1])
    if fs is None:
        raise InputError(
            "RC-304",
            f"{path.name} does not say its sample rate",
            hint="give --fs, or name the file like Cor1L48.dbl",
            path=str(path),
        )
    return [ForeignResponse(samples, fs)]


def _wrong(path: Path, offset: int, what: str) -> InputError:
    return InputError(
        "RC-318",
        f"{path.name} at byte {offset}: {what}",
        hint="a .dbl file is 64-bit floats and nothing else: export it again",
        path=str(path),
        offset=offset,
    )
