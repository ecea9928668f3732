"""Small graphs of letters: a response in braille dots, a row of blocks, a bar.

Everything has a plainer form for terminals that know ASCII alone. Nothing depends on colour.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from roomcal.model.curve import Curve
from roomcal.units import FloatArray

WIDTH = 80
LOW_HZ, HIGH_HZ = 20.0, 20000.0
SPAN_DB, STEP_DB = 40.0, 10.0
_TICKS = (
    *((20, "20"), (50, "50"), (100, "100"), (200, "200"), (500, "500")),
    *((1000, "1k"), (2000, "2k"), (5000, "5k"), (10000, "10k"), (20000, "20k")),
)
# Dots of a braille letter by row (from the top) and column: Unicode, block U+2800.
_BRAILLE = 0x2800
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
_BLOCKS = " \u2581\u2582\u2583\u2584\u2585\u2586\u2587\u2588"
_ASCII_BLOCKS = " .:-=+*#%"
_ASCII_HEIGHTS = ".-'"  # low, middle and high within a row
_EIGHTHS = "\u258f\u258e\u258d\u258c\u258b\u258a\u2589"
NEEDED = "\u28ff\u2502\u2524\u2534" + _BLOCKS + _EIGHTHS  # what an encoding has to know


@dataclass(frozen=True)
class Letters:
    """Which letters a terminal can show."""

    plain: bool = False  # ASCII alone

    @classmethod
    def of(cls, encoding: str | None) -> "Letters":
        """Choose by the encoding of a stream."""
        try:
            NEEDED.encode(encoding or "ascii")
        except (UnicodeEncodeError, LookupError):
            return cls(plain=True)
        return cls()


def level_graph(
    f_hz: FloatArray,
    level_db: FloatArray,
    letters: Letters,
    *,
    width: int = WIDTH,
    n_rows: int = 8,
) -> list[str]:
    """Draw a level over log frequency, 40 dB high.

    Parameters
    ----------
    f_hz, level_db : (n,) float array
        What is NaN or below the scale leaves a gap.
    letters : Letters
    width : int
        Columns, the scale included.
    n_rows : int

    Returns
    -------
    lines : list of str
        Each at most `width` letters, the frequency axis at the end.
    """
    heard = np.isfinite(level_db)
    top = float(level_db[heard].max()) if heard.any() else 0.0
    high = STEP_DB * float(np.ceil((top + 1.0) / STEP_DB)) + 0.0  # no zero has a sign
    low = high - SPAN_DB
    margin = 6  # "-100 |"
    n_columns = width - margin - 1
    fine = 1 if letters.plain else 2
    places = np.geomspace(LOW_HZ, HIGH_HZ, n_columns * fine)
    level = np.interp(np.log(places), np.log(f_hz), level_db, left=np.nan, right=np.nan)
    share = (level - low) / SPAN_DB  # 0: the floor, 1: the ceiling
    rows = (_plain_rows if letters.plain else _braille_rows)(share, n_columns, n_rows)
    wall, tick, corner = ("|", "+", "+") if letters.plain else ("\u2502", "\u2524", "\u2534")
    lines = []
    per_row = SPAN_DB / n_rows
    for i, row in enumerate(rows):
        edge = high - i * per_row
        name = f"{edge:4.0f} {tick}" if abs(edge % STEP_DB) < 1e-9 else f"     {wall}"
        lines.append(f"{name}{row}".rstrip())
    floor = "-" if letters.plain else "\u2500"
    at = [
        round(float(np.log(f / LOW_HZ) / np.log(HIGH_HZ / LOW_HZ)) * (n_columns - 1))
        for f, _ in _TICKS
    ]
    base = [corner if k in at else floor for k in range(n_columns)]
    lines.append(f"{low:4.0f} {tick}{''.join(base)}")
    names = [" "] * width
    for place, (_, text) in zip(at, _TICKS, strict=True):
        first = min(margin + place - len(text) // 2, width - len(text))
        names[first : first + len(text)] = text
    lines.append("".join(names).rstrip())
    return lines


def sparkline(values: Sequence[float], letters: Letters, *, low: float, high: float) -> str:
    """Draw values as a row of blocks between two limits; NaN is a blank."""
    blocks = _ASCII_BLOCKS if letters.plain else _BLOCKS
    drawn = []
    for value in values:
        if not np.isfinite(value):
            drawn.append(" ")
            continue
        share = (value - low) / (high - low)
        drawn.append(blocks[int(np.clip(1 + share * (len(blocks) - 1), 1, len(blocks) - 1))])
    return "".join(drawn)


def response_sparkline(curve: Curve, letters: Letters, *, span_db: float, n: int) -> str:
    """Draw a level from 20 Hz to 20 kHz as a row of `n` blocks, re its loudest."""
    places = np.geomspace(LOW_HZ, HIGH_HZ, n + 1)
    means = [
        float(np.nanmean(inside)) if inside.size and np.isfinite(inside).any() else float("nan")
        for low, high in itertools.pairwise(places)
        for inside in (curve.level_db[(curve.f_hz >= low) & (curve.f_hz < high)],)
    ]
    top = float(np.nanmax(means)) if np.isfinite(means).any() else 0.0
    return sparkline(means, letters, low=top - span_db, high=top)


def bars(values: FloatArray, letters: Letters, *, width: int) -> list[str]:
    """Draw values as bars from 0, the largest as wide as there is room."""
    top = float(np.max(values, where=np.isfinite(values), initial=0.0))
    return [bar(float(value), letters, top=top, width=width) for value in values]


def bar(value: float, letters: Letters, *, top: float, width: int) -> str:
    """Draw a bar from 0; NaN is nothing."""
    if not np.isfinite(value) or top <= 0.0:
        return ""
    length = float(np.clip(value / top, 0.0, 1.0)) * width
    if letters.plain:
        return "#" * round(length)
    whole = int(length)
    rest = int(8.0 * (length - whole))
    return "\u2588" * whole + (_EIGHTHS[rest - 1] if rest else "")


def _braille_rows(share: FloatArray, n_columns: int, n_rows: int) -> list[str]:
    """Join the dots of two columns and four rows into letters; steep flanks are filled."""
    dots = np.zeros((n_rows, n_columns), dtype=np.int32)
    height = 4 * n_rows
    before: int | None = None
    for k, value in enumerate(share):
        if not np.isfinite(value) or value < 0.0:
            before = None
            continue
        y = min(int((1.0 - min(float(value), 1.0)) * height), height - 1)
        first, last = (
            (y, y) if before is None else sorted((y, before + (y > before) - (y < before)))
        )
        for row in range(first, last + 1):
            dots[row // 4, k // 2] |= _DOTS[row % 4][k % 2]
        before = y
    return ["".join(chr(_BRAILLE + d) if d else " " for d in row) for row in dots]


def _plain_rows(share: FloatArray, n_columns: int, n_rows: int) -> list[str]:
    """Put one letter a column, by its height within the row."""
    rows = [[" "] * n_columns for _ in range(n_rows)]
    fine = len(_ASCII_HEIGHTS)
    for k, value in enumerate(share):
        if not np.isfinite(value) or value < 0.0:
            continue
        step = min(int(min(float(value), 1.0) * n_rows * fine), n_rows * fine - 1)
        rows[n_rows - 1 - step // fine][k] = _ASCII_HEIGHTS[step % fine]
    return ["".join(row) for row in rows]
