"""Read the text exports of measurements: REW's, and FRD files of any program.

A level and a phase over frequency are a response, if they are as measured: what was smoothed has
lost what a filter would be designed from, and is refused.
"""

import re
from array import array
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from roomcal.dsp.response_from_curve import MOST_TURN_DEG, response_from_curve, share_of_wide_turns
from roomcal.errors import InputError
from roomcal.files.foreign_response import ForeignResponse
from roomcal.files.number_text import line_error, numbered_lines, row, starts_with_number
from roomcal.model.curve import Curve

MOST_POINTS = 1 << 20  # half of REW's longest spectrum
LEVEL_LIMIT_DB = 400.0
SPL_FROM_DB = 40.0  # a median above this is dB SPL if no header says so
# The level that becomes full scale: room for a loud measurement, and the same for every file.
FULL_SCALE_DB_SPL = 120.0
SINE_RMS_DB = 20.0 * float(np.log10(np.sqrt(0.5)))  # of a sine at full scale
WIDE_TURNS_SHARE = 0.02
_RATES = (48000, 96000, 192000)

_NOT_SMOOTHED = re.compile(r"(none|no smoothing|off|unsmoothed)", re.IGNORECASE)
_SETTING = re.compile(
    r"\*?\s{0,20}(smoothing|measurement|frequency step)\s{0,20}:(.*)", re.IGNORECASE
)
_HEADER = re.compile(r"[*#\s]*freq[^,;\t]*", re.IGNORECASE)
_HINT_UNSMOOTHED = (
    "in REW choose No smoothing for the measurement, then File, Export, Measurement as text"
)


@dataclass(frozen=True, eq=False)
class TextMeasurement:
    """What a text export says.

    Attributes
    ----------
    curve : Curve
        Phase in degrees, wrapped or not, or None.
    smoothing : str
        As the file says; empty if it says nothing.
    name : str
    is_spl : bool
        Levels are dB SPL; otherwise they are relative.
    """

    curve: Curve
    smoothing: str
    name: str
    is_spl: bool


def is_text_measurement(path: Path, first: bytes) -> bool:
    """Tell a text export by its ending, or by its first line."""
    return path.suffix.lower() in (".txt", ".frd") or first.startswith(b"* Measurement data")


def read_text_measurement(path: Path) -> TextMeasurement:
    """Read the numbers of a text export, whatever was done to them.

    Raises
    ------
    InputError
        RC-301 when the file cannot be read; RC-307, with the line, when it cannot be used.
    """
    columns = (array("d"), array("d"), array("d"))
    settings: dict[str, str] = {}
    header, with_phase, last = "", True, 0
    for number, line in numbered_lines(path):
        last = number
        if line.startswith('"') and starts_with_number(line[1:]):
            line = line.replace('"', "")  # fields in quotes
        if not line:
            continue
        if not starts_with_number(line):
            known = _SETTING.fullmatch(line)
            if known:
                settings.setdefault(known[1].lower(), known[2].strip("; \t,"))
            elif _HEADER.match(line):
                header = line
            elif columns[0] and not line.startswith(("*", "#", ";", "//", '"')):
                raise line_error(path, number, f"{line[:40]!r} is no frequency and level")
            continue
        with_phase &= _add_point(path, number, line, columns)
    f, level, phase = (np.array(column) for column in columns)
    if re.search(r"ohm", header, re.IGNORECASE):
        raise InputError(
            "RC-307",
            f"{path.name} is an impedance: {header[:60]}",
            hint="export a measurement of sound pressure",
            path=str(path),
        )
    positive = f > 0.0
    if int(positive.sum()) < 2:
        raise line_error(path, last, f"the text ends after {int(positive.sum())} usable points")
    curve = Curve(
        f[positive],
        level[positive],
        phase[positive] if with_phase else None,
        name=settings.get("measurement", ""),
    )
    is_spl = "spl" in header.lower() or float(np.median(curve.level_db)) > SPL_FROM_DB
    return TextMeasurement(curve, settings.get("smoothing", ""), curve.name, is_spl)


def read_rew_text(path: Path) -> list[ForeignResponse]:
    """Turn a text export into an impulse response.

    Without a phase the response gets the least one. Frequencies that the file does not hold are
    faded out. Time 0 of the file is the same index in every response of one rate.

    Raises
    ------
    InputError
        As `read_text_measurement`; RC-319 if it was smoothed, or if its points are too far apart
        to follow the phase.
    """
    read = read_text_measurement(path)
    if read.smoothing and not _NOT_SMOOTHED.fullmatch(read.smoothing):
        raise InputError(
            "RC-319",
            f"{path.name} is smoothed ({read.smoothing}): single modes are not in it any more",
            hint=_HINT_UNSMOOTHED,
            path=str(path),
            smoothing=read.smoothing,
        )
    notes = []
    if not read.smoothing:
        notes.append("nothing says whether it is smoothed; a smoothed curve designs a poor filter")
    curve = read.curve
    if curve.phase_deg is None:
        notes.append("it has no phase: the least phase is assumed, and arrival times mean nothing")
    elif share_of_wide_turns(curve) > WIDE_TURNS_SHARE:
        raise InputError(
            "RC-319",
            f"{path.name}: the phase turns by more than {MOST_TURN_DEG:.0f} degrees from point to "
            "point, so nothing can follow it",
            hint="set t = 0 near the peak in REW, or export with more points an octave",
            path=str(path),
        )
    top_hz = float(curve.f_hz[-1])
    fs = next((rate for rate in _RATES if top_hz <= 0.5 * rate * 1.0001), None)
    if fs is None:
        raise InputError(
            "RC-307",
            f"{path.name} reaches to {top_hz:g} Hz",
            hint="frequencies are in Hz",
            path=str(path),
        )
    reference_db = FULL_SCALE_DB_SPL + SINE_RMS_DB if read.is_spl else 0.0
    samples = response_from_curve(curve, fs, reference_db=reference_db)
    if not np.isfinite(samples).all() or not np.any(samples):
        raise InputError(
            "RC-307",
            f"{path.name} has levels of which no response can be made",
            hint="levels are in dB SPL, or in dB below full scale",
            path=str(path),
        )
    return [
        ForeignResponse(
            samples,
            fs,
            name=read.name,
            full_scale_db_spl=FULL_SCALE_DB_SPL if read.is_spl else None,
            notes=tuple(notes),
        )
    ]


def _add_point(path: Path, number: int, line: str, columns: "tuple[array[float], ...]") -> bool:
    """Append one line of data; tell whether it has a phase."""
    try:
        values = row(line)
    except ValueError as error:
        raise line_error(path, number, str(error)) from error
    if len(values) < 2:
        raise line_error(path, number, "a level is missing beside the frequency")
    f, level = values[:2]
    if f < 0.0 or abs(level) > LEVEL_LIMIT_DB or (len(values) > 2 and abs(values[2]) > 1e9):
        raise line_error(path, number, f"{line[:40]!r} is out of range")
    if columns[0] and f <= columns[0][-1]:
        raise line_error(
            path, number, f"{f:g} Hz comes after {columns[0][-1]:g} Hz; frequencies must rise"
        )
    if len(columns[0]) >= MOST_POINTS:
        raise line_error(path, number, f"it has more than {MOST_POINTS} points")
    for column, value in zip(columns, [*values[:3], 0.0], strict=False):
        column.append(value)
    return len(values) > 2
