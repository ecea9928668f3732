"""A table of the report: numbers in rows under columns with their units."""

import re
from dataclasses import dataclass
from typing import Literal

_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")

DIGITS = 2


@dataclass(frozen=True)
class Mark:
    """A status in words, whose colour says no more than they do; then what led to it."""

    text: str
    kind: Literal["good", "bad", "plain"] = "plain"
    why: str = ""


Cell = str | float | Mark  # a number that cannot be had is NaN


@dataclass(frozen=True)
class Table:
    """Numbers in rows; the first column names the row. Units stand in the column heads."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""  # small print below
    digits: int = DIGITS

    def __post_init__(self) -> None:
        if any(len(row) != len(self.columns) for row in self.rows):
            raise ValueError(f"a row of {self.caption!r} does not have {len(self.columns)} cells")


def printable(text: str) -> str:
    """Replace what no page can show."""
    return _UNPRINTABLE.sub("\ufffd", text)


def cell_text(cell: Cell, digits: int) -> str:
    """Write one cell; empty where there is no number."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, Mark):
        return f"{cell.text}: {cell.why}" if cell.why else cell.text
    if cell != cell or cell in (float("inf"), float("-inf")):
        return ""
    text = f"{cell:.{digits}f}" if isinstance(cell, float) else str(cell)
    return text.replace("-", "\u2212")
