"""One band of a parametric equaliser."""

from dataclasses import dataclass
from typing import Literal

BiquadKind = Literal["peak", "low shelf", "high shelf"]


@dataclass(frozen=True)
class Biquad:
    """A peaking or shelving filter as in the Audio EQ Cookbook."""

    kind: BiquadKind
    f_hz: float
    gain_db: float
    q: float
