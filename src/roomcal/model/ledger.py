"""One line of the ledger: a deviation from the target, what it is, and what is done about it."""

from dataclasses import dataclass
from typing import Literal

# mode: a resonance of the room. boundary: interference with a surface near speaker or seat.
# reflection: sound that comes later and differs between positions. speaker: alike everywhere and
# in the direct sound. noise: the measurement does not show it reliably.
Kind = Literal["mode", "boundary", "reflection", "speaker", "noise"]
# correct: the filter takes most of it. leave: it is better left. treat: absorb it. move: place the
# speaker or the seat elsewhere.
Action = Literal["correct", "leave", "treat", "move"]


@dataclass(frozen=True)
class LedgerEntry:
    """A deviation above 2 dB, classed from evidence."""

    f_hz: float
    kind: Kind
    level_db: float  # before the correction, re the target
    action: Action
    correction_db: float  # what the filter spends there
    reason: str
    left_db: float = 0.0  # what is predicted to remain, re the target
    spread_db: float = 0.0  # standard deviation between positions
    decay_s: float | None = None  # time for 60 dB, where it says something
    distance_m: float | None = None  # a quarter of the wavelength: to the surface behind it
