"""What the clauses of standards are held against, and what an answer to one is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from roomcal.analyze.decay import DecayAnalysis
from roomcal.analyze.noise import NoiseAnalysis
from roomcal.analyze.pair import PairAnalysis
from roomcal.analyze.reflections import EarlyReflections
from roomcal.model.curve import Curve
from roomcal.model.studio import Studio
from roomcal.units import frequency_text, nominal_hz

Limits = Mapping[str, float]  # of a clause; the names carry the units
Answer = tuple[bool | None, str]  # kept, missed or (None) not measurable; the number or the reason


@dataclass(frozen=True, eq=False)
class Facts:
    """What was measured, of speakers that play the middle; the main position comes first."""

    responses: Mapping[str, Curve]  # third octaves at the main position, by speaker
    decays: Mapping[str, Sequence[DecayAnalysis]]  # third octaves, one a position
    reflections: Mapping[str, EarlyReflections]  # at the main position
    position: str
    noise: NoiseAnalysis | None = None
    pair: PairAnalysis | None = None
    size_m: tuple[float, float, float] | None = None
    studio: Studio | None = None


def band_text(f_hz: float) -> str:
    """Write the frequency of a band by its nominal name."""
    return frequency_text(nominal_hz(float(f_hz)))
