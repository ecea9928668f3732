"""A whole session analysed: each response, each speaker, each pair, and what standards ask."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from roomcal.analyze.analysis import ResponseAnalysis
from roomcal.analyze.boundary import BoundaryInterference
from roomcal.analyze.clause_facts import Facts
from roomcal.analyze.distortion import Distortion
from roomcal.analyze.noise import NoiseAnalysis
from roomcal.analyze.pair import PairAnalysis, analyze_pair
from roomcal.analyze.response import smoothed_response
from roomcal.analyze.standards import Verdict
from roomcal.model.impulse_response import ImpulseResponse
from roomcal.model.studio import Studio

_THIRD_OCTAVES = 3


@dataclass(frozen=True, eq=False)
class SessionAnalysis:
    """Everything that a session says; what was not asked for is empty."""

    session: str
    main_position: str
    responses: tuple[ResponseAnalysis, ...]
    distortion: Mapping[str, Distortion] = field(default_factory=dict)  # by speaker
    noise: NoiseAnalysis | None = None
    pairs: tuple[PairAnalysis, ...] = ()
    boundaries: tuple[BoundaryInterference, ...] = ()
    standards: tuple[Verdict, ...] = ()

    @property
    def speakers(self) -> tuple[str, ...]:
        """In the order of the session."""
        return tuple(dict.fromkeys(a.speaker for a in self.responses))

    @property
    def full_range(self) -> tuple[str, ...]:
        """Speakers that play the treble: a sub says nothing about it."""
        return tuple(s for s in self.speakers if not self.at_main(s).reflections.reason)

    def at_main(self, speaker: str) -> ResponseAnalysis:
        """Return one speaker at the main position, or at its first."""
        own = [a for a in self.responses if a.speaker == speaker]
        return next((a for a in own if a.position == self.main_position), own[0])


def pair_names(speakers: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Pairs of left and right by their names: L and R, Ls and Rs, ...; else the first two."""
    found = tuple(
        (name, other)
        for name in speakers
        if name[:1].upper() == "L"
        for other in speakers
        if other[:1].upper() == "R" and other[1:] == name[1:]
    )
    return found or ((speakers[0], speakers[1]),) if len(speakers) > 1 else ()


def analyze_pairs(
    responses: Sequence[ImpulseResponse], names: Sequence[tuple[str, str]]
) -> tuple[PairAnalysis, ...]:
    """Compare each pair that shares a position and a sample rate."""
    own = {n: [r for r in responses if r.speaker == n] for pair in names for n in pair}
    positions = {n: {(r.position, r.fs) for r in rows} for n, rows in own.items()}
    return tuple(analyze_pair(own[a], own[b]) for a, b in names if positions[a] & positions[b])


def facts_of(
    analysis: SessionAnalysis,
    responses: Sequence[ImpulseResponse],
    *,
    size_m: tuple[float, float, float] | None,
    studio: Studio | None,
) -> Facts:
    """Gather what clauses are held against."""
    wanted = analysis.full_range
    main = {
        r.speaker: smoothed_response(r, smoothing=_THIRD_OCTAVES)
        for r in responses
        if r.speaker in wanted and r.position == analysis.at_main(r.speaker).position
    }
    return Facts(
        responses=main,
        decays={s: [a.decay for a in analysis.responses if a.speaker == s] for s in wanted},
        reflections={s: analysis.at_main(s).reflections for s in wanted or analysis.speakers},
        position=analysis.main_position,
        noise=analysis.noise,
        pair=analysis.pairs[0] if analysis.pairs else None,
        size_m=size_m,
        studio=studio,
    )
