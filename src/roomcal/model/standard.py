"""What others have written down about rooms: noise curves and the clauses of standards."""

from dataclasses import dataclass, field
from typing import Literal

# Where a figure was taken from: the text itself, somebody who quotes it, or memory.
Checked = Literal["text", "quoted", "memory"]


@dataclass(frozen=True)
class NoiseCurves:
    """A family of noise rating curves: a level per octave for each rating."""

    name: str
    source: str
    checked: Checked
    bands_hz: tuple[float, ...]  # nominal
    ratings: tuple[float, ...]  # ascending
    levels_db_spl: tuple[tuple[float, ...], ...]  # one row a rating


@dataclass(frozen=True)
class Clause:
    """One requirement, as far as a measurement of responses can tell."""

    id: str
    standard: str
    clause: str
    asks: str  # in our own words
    check: str  # which question of `analyze.standards` answers it; empty: none can
    source: str
    checked: Checked
    limits: dict[str, float] = field(default_factory=dict)  # names carry units
    not_measurable: str = ""  # why no check can answer it


@dataclass(frozen=True)
class Standards:
    """All that the data file holds."""

    noise: tuple[NoiseCurves, ...]
    clauses: tuple[Clause, ...]
