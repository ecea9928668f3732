"""Read a level curve from text: targets, microphone calibrations, responses of other programs."""

import re
from pathlib import Path

import numpy as np

from roomcal.errors import InputError
from roomcal.model.curve import Curve

_COMMENT_STARTS = ("*", "#", ";", "//", '"', "'")
_MAX_BYTES = 16 << 20
_LEVEL_LIMIT_DB = 400.0  # beyond this a column is not a level in dB


def read_curve(path: Path) -> Curve:
    """Read frequency, level and optional phase, one point a line.

    Columns stand apart by blanks, tabs, commas or semicolons; with tabs or semicolons a comma is
    a decimal comma. Titles may precede the data; comments (`*`, `#`, `;`) may stand anywhere.
    Points at 0 Hz are dropped, since they have no place on a logarithmic axis.

    Raises
    ------
    InputError
        RC-301 when the file cannot be read, RC-307 when a line cannot be used.
    """
    rows: list[tuple[float, ...]] = []
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        text = line.strip()
        if not text or text.startswith(_COMMENT_STARTS):
            continue
        row = _numbers(text)
        if row is None:
            if rows:
                raise _line_error(path, number, f"{text[:40]!r} is no pair of numbers")
            continue  # a title above the data
        if len(row) < 2:
            raise _line_error(path, number, "a level is missing beside the frequency")
        if not np.isfinite(row).all() or abs(row[1]) > _LEVEL_LIMIT_DB or row[0] < 0:
            raise _line_error(path, number, f"{row[0]:g} Hz, {row[1]:g} dB is out of range")
        if rows and row[0] <= rows[-1][0]:
            raise _line_error(
                path, number, f"{row[0]:g} Hz comes after {rows[-1][0]:g} Hz; frequencies must rise"
            )
        rows.append(row)
    rows = [row for row in rows if row[0] > 0.0]
    if len(rows) < 2:
        raise InputError(
            "RC-307",
            f"{path} holds {len(rows)} usable points; a curve needs at least 2",
            hint="write one 'frequency level' pair a line, in Hz and dB",
            path=str(path),
        )
    with_phase = all(len(row) >= 3 for row in rows)
    columns = np.array([row[: 3 if with_phase else 2] for row in rows]).T
    phase = columns[2] if with_phase else None
    return Curve(columns[0], columns[1], phase, name=path.stem)


def read_text(path: Path) -> str:
    """Text in UTF-8, in UTF-16, else in the code page of old Windows programs.

    Raises
    ------
    InputError
        RC-301 when the file cannot be read, RC-307 when it is too large to be such a text.
    """
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise InputError(
                "RC-307",
                f"{path} is larger than 16 MB",
                hint="name a text file of frequency, level",
            )
        data = path.read_bytes()
    except OSError as error:
        raise InputError(
            "RC-301",
            f"cannot read {path}: {error.strerror or error}",
            hint="check the name and the folder",
            path=str(path),
        ) from error
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", errors="replace")
    if b"\0" in data[:2]:  # UTF-16 without a mark: the first character is an ASCII one
        encoding = "utf-16-le" if data[1:2] == b"\0" else "utf-16-be"
        return data.decode(encoding, errors="replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")


def _numbers(text: str) -> tuple[float, ...] | None:
    """Return the numbers of a line, or None if its first field is none."""
    if ";" in text or "\t" in text:
        text = text.replace(",", ".") if not re.search(r",\s*[;\t]", text) else text
        fields = re.split(r"[;\s]+", text)
    else:
        fields = re.split(r"[,\s]+", text)
    numbers: list[float] = []
    for field in filter(None, fields):
        try:
            numbers.append(float(field))
        except ValueError:
            break
    return tuple(numbers) or None


def _line_error(path: Path, number: int, what: str) -> InputError:
    return InputError(
        "RC-307",
        f"{path} line {number}: {what}",
        hint="write one 'frequency level' pair a line, in Hz and dB, with rising frequencies",
        path=str(path),
        line=number,
    )
