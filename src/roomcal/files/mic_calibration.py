"""Read a microphone's calibration file in every dialect that makers use, and doubt it aloud."""

import dataclasses
import itertools
import re
from pathlib import Path

import numpy as np

from roomcal.errors import InputError
from roomcal.files.curve_text import read_text
from roomcal.model.curve import Curve
from roomcal.model.microphone_calibration import MicrophoneCalibration
from roomcal.model.studio import Microphone
from roomcal.units import frequency_text

LEVEL_LIMIT_DB = 40.0  # no measurement microphone is so far from flat: another unit, or a typo
FEW_POINTS = 10
REFERENCE_HZ = 1000.0  # makers print the response re this frequency
REFERENCE_TOLERANCE_DB = 1.0
WITHOUT = "or measure with --no-cal, without a calibration"

_COMMENT_STARTS = ("*", "#", ";", "//", '"', "'")
_NUMBER = r"([-+]?(?:\d+[.,]?\d*|[.,]\d+))"
_SENS_FACTOR = re.compile(rf"sens\s*factor\s*=\s*{_NUMBER}\s*dB", re.IGNORECASE)
_AGAIN = re.compile(rf"\bAGain\s*=\s*{_NUMBER}\s*dB", re.IGNORECASE)
_SERIAL = re.compile(
    r"\b(?:SERNO|serial(?:\s*(?:number|no\.?))?)\s*[:=#]\s*([\w-]+)", re.IGNORECASE
)
_DAYTON = re.compile(rf"\*\s*{_NUMBER}\s*Hz\s+{_NUMBER}\s*(?:dB)?", re.IGNORECASE)
_INCIDENCE = re.compile(r"(?<![\d.])(0|90)[\s_-]*deg", re.IGNORECASE)
_THOUSANDS = re.compile(r"(?<=\d)[\u00a0\u202f](?=\d{3}(?!\d))")
_DECIMAL_COMMA = re.compile(r"[-+]?\d*,\d+")
_WAYS = {
    0: "0 degrees (the microphone points at the speakers)",
    90: "90 degrees (the microphone points at the ceiling)",
}
_BARS = "▁▂▃▄▅▆▇█"
_DRAWN_OCTAVES_HZ = tuple(20.0 * 2.0**n for n in range(11))  # 20 Hz to 20.48 kHz


def read_mic_calibration(path: Path) -> MicrophoneCalibration:
    """Read one calibration file.

    A line holds data if its first field is a number: frequency, level and optional phase, apart
    by blanks, tabs, commas or semicolons. Titles may precede the data, comments may stand
    anywhere. Rows are sorted, and rows at 0 Hz are dropped.

    Raises
    ------
    InputError
        RC-301 when the file cannot be read; RC-307, with the line, when it cannot be used.
    """
    # The end mark of old systems, zeros that fill a block, and the minus sign of typesetters.
    whole = _text(path).rstrip("\x1a\0\r\n ").replace("\u2212", "-")
    lines = re.split(r"\r\n|\r|\n", _THOUSANDS.sub("", whole))
    rows: list[tuple[int, tuple[float, ...]]] = []
    header = []
    for number, line in enumerate(lines, start=1):
        text = line.strip()
        if not text or text.startswith(_COMMENT_STARTS):
            header.append(text)
            continue
        row = _row(path, number, text)
        if row is None:
            if rows:
                raise _line_error(path, number, f"{text[:40]!r} is no frequency and level")
            header.append(text)
            continue
        rows.append((number, row))
    rows, sorted_note = _in_order(path, [r for r in rows if r[1][0] > 0.0])
    if len(rows) < 2:
        raise InputError(
            "RC-307",
            f"calibration file {path} holds {len(rows)} usable points; 2 are the least",
            hint=f"write one 'frequency level' pair a line, in Hz and dB, {WITHOUT}",
            path=str(path),
        )
    with_phase = all(len(row) >= 3 for _, row in rows)
    columns = np.array([row[: 3 if with_phase else 2] for _, row in rows]).T
    curve = Curve(columns[0], columns[1], columns[2] if with_phase else None, name=path.stem)
    read = _facts(MicrophoneCalibration(curve), "\n".join(header), path)
    return dataclasses.replace(read, warnings=(*sorted_note, *_oddities(curve)))


def refuse_other_microphone(
    read: MicrophoneCalibration, microphone: Microphone, *, path: Path
) -> None:
    """Refuse a file that is for another microphone, or for another way to point it.

    Raises
    ------
    InputError
        RC-307 if the studio says something else than the file; what either leaves open is fine.
    """
    contradiction = ""
    if microphone.serial and read.serial and microphone.serial != read.serial:
        contradiction = (
            f"is for the microphone {read.serial}; studio.toml names {microphone.serial}"
        )
    own, its = microphone.incidence_deg, read.incidence_deg
    if own is not None and its is not None and own != its:
        contradiction = f"is for {_WAYS[its]}; studio.toml says {_WAYS[own]}"
    if contradiction:
        raise InputError(
            "RC-307",
            f"calibration file {path} {contradiction}",
            hint=f"name the right file under [microphone], correct serial or incidence_deg, "
            f"{WITHOUT}",
            path=str(path),
            serial=read.serial,
            incidence_deg=its,
        )


def sparkline(curve: Curve) -> str:
    """Draw a curve in one line: a bar an octave from 20 Hz to 20 kHz, with its range."""
    level_db = curve.level_at(_DRAWN_OCTAVES_HZ)
    low, span = float(level_db.min()), max(float(np.ptp(level_db)), 1e-9)
    bars = "".join(_BARS[round((len(_BARS) - 1) * (v - low) / span)] for v in level_db)
    return f"20 Hz {bars} 20 kHz, {low:+.1f} to {low + span:+.1f} dB"


def _text(path: Path) -> str:
    """Read the file; where that fails, say also how to do without it."""
    try:
        return read_text(path)
    except InputError as error:
        raise InputError(
            error.fault, error.message, hint=f"{error.hint}, {WITHOUT}", **error.evidence
        ) from error


def _row(path: Path, number: int, text: str) -> tuple[float, ...] | None:
    """Return the numbers of a line of data, or None if it is none."""
    fields = _fields(path, number, text)
    values: list[float] = []
    for field in fields:
        try:
            values.append(float(field))
        except ValueError:
            break
    if not values:
        return None
    if len(values) < 2:
        if len(fields) > 1 and not re.match(r"[-+.\d]", fields[1]):
            return None  # a title that begins with a number
        raise _line_error(path, number, "a level is missing beside the frequency")
    frequency, level = values[:2]
    if not np.isfinite(values).all():
        raise _line_error(path, number, f"{text[:40]!r} is not finite")
    if frequency < 0.0:
        raise _line_error(path, number, f"there is no frequency of {frequency:g} Hz")
    if frequency > 0.0 and abs(level) > LEVEL_LIMIT_DB:
        unit = "; is that a phase in degrees?" if abs(level) <= 360.0 else ""
        raise _line_error(
            path,
            number,
            f"{level:g} dB at {frequency:g} Hz is more than a microphone can be off "
            f"({LEVEL_LIMIT_DB:g} dB){unit}",
        )
    return tuple(values)


def _fields(path: Path, number: int, text: str) -> list[str]:
    """Split a line, with its commas understood as separators or as decimal commas."""
    if ";" in text or "\t" in text:
        if not re.search(r",\s*[;\t]", text):
            text = text.replace(",", ".")
        return [f for f in re.split(r"[;,\s]+", text) if f]
    blanks = text.split()
    if len(blanks) > 1 and any(_DECIMAL_COMMA.fullmatch(f) for f in blanks):
        if all("." not in f for f in blanks if f[:1] in "+-.,0123456789"):
            return [f.replace(",", ".") for f in blanks]
        raise _line_error(path, number, f"{text[:40]!r} mixes decimal points and commas")
    fields = [f for f in re.split(r"[,\s]+", text) if f]
    whole = [f for f in fields if re.fullmatch(r"[-+]?\d+", f)]
    if len(blanks) == 1 and len(fields) >= 4 and len(whole) == len(fields):
        raise _line_error(
            path, number, f"{text[:40]!r} separates numbers and decimals by the same comma"
        )
    return fields


def _in_order(
    path: Path, rows: list[tuple[int, tuple[float, ...]]]
) -> tuple[list[tuple[int, tuple[float, ...]]], tuple[str, ...]]:
    """Sort the rows by frequency, with a warning if they were not."""
    in_order = sorted(rows, key=lambda r: r[1][0])
    for (first, a), (second, b) in itertools.pairwise(in_order):
        if a[0] == b[0]:
            raise _line_error(
                path, max(first, second), f"{a[0]:g} Hz stands in line {min(first, second)} already"
            )
    for (_, a), (number, b) in itertools.pairwise(rows):
        if b[0] < a[0]:
            return in_order, (
                f"line {number}: {b[0]:g} Hz comes after {a[0]:g} Hz; the rows were sorted",
            )
    return in_order, ()


def _facts(read: MicrophoneCalibration, header: str, path: Path) -> MicrophoneCalibration:
    """Add what the lines beside the data say; the first of each kind counts."""
    dayton = _DAYTON.search(header)
    incidence = _INCIDENCE.search(header) or _INCIDENCE.search(path.stem)
    serial = _SERIAL.search(header)
    return dataclasses.replace(
        read,
        serial=serial[1] if serial else "",
        incidence_deg=(0 if incidence[1] == "0" else 90) if incidence else None,
        sens_factor_db=_found(_SENS_FACTOR, header),
        again_db=_found(_AGAIN, header),
        sensitivity_hz=_number(dayton[1]) if dayton else None,
        sensitivity_db=_number(dayton[2]) if dayton else None,
    )


def _oddities(curve: Curve) -> list[str]:
    """Say what is unusual about a response that can be used."""
    odd = []
    if curve.f_hz.size < FEW_POINTS:
        odd.append(f"it has {curve.f_hz.size} points only")
    if curve.f_hz[0] <= REFERENCE_HZ <= curve.f_hz[-1]:
        at_reference = float(curve.level_at(REFERENCE_HZ))
        if abs(at_reference) > REFERENCE_TOLERANCE_DB:
            odd.append(
                f"it is {at_reference:+.1f} dB at 1 kHz, where calibrations are 0: "
                "a correction, or another unit?"
            )
    else:
        low, high = (frequency_text(float(f)) for f in curve.f_hz[[0, -1]])
        odd.append(f"it reaches from {low} to {high} only")
    return odd


def _found(pattern: re.Pattern[str], text: str) -> float | None:
    match = pattern.search(text)
    return _number(match[1]) if match else None


def _number(text: str) -> float:
    return float(text.replace(",", "."))


def _line_error(path: Path, number: int, what: str) -> InputError:
    return InputError(
        "RC-307",
        f"calibration file {path} line {number}: {what}",
        hint=f"write one 'frequency level' pair a line, in Hz and dB, {WITHOUT}",
        path=str(path),
        line=number,
    )
