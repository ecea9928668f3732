"""Everything that is known of one calibration; what is missing is left off the page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from roomcal.analyze.distortion import Distortion
from roomcal.analyze.modes import RoomModes
from roomcal.analyze.overview import Overview
from roomcal.analyze.session_analysis import SessionAnalysis
from roomcal.jobs.summary import Stage
from roomcal.model.curve import Curve
from roomcal.model.filter_bank import Bank
from roomcal.model.impulse_response import ImpulseResponse
from roomcal.model.studio import Studio
from roomcal.report.traces import ROLE_NAMES
from roomcal.verify.promise import Verification


@dataclass(frozen=True, eq=False)
class Story:
    """One calibration, from what was measured to what was proved."""

    session: str
    stages: tuple[Stage, ...]
    responses: tuple[ImpulseResponse, ...]  # before
    targets: Mapping[str, Curve]  # from `level_targets`
    analysis: SessionAnalysis  # before
    overview: Overview  # of the analysis
    predicted: tuple[ImpulseResponse, ...] = ()
    verified: tuple[ImpulseResponse, ...] = ()
    bank: Bank | None = None
    verification: Verification | None = None
    studio: Studio | None = None  # knows where speakers and positions are
    exports: tuple[tuple[str, str], ...] = ()
    provenance: tuple[tuple[str, str], ...] = ()

    @property
    def speakers(self) -> tuple[str, ...]:
        """In the order in which they were measured."""
        return tuple(self.stages[0].averages)

    @property
    def modes(self) -> RoomModes:
        """Modes of the room, before."""
        return self.analysis.responses[0].room

    @property
    def distortion(self) -> Mapping[str, Distortion]:
        """Harmonics before, by speaker."""
        return self.analysis.distortion

    @property
    def position(self) -> str:
        """Return the place of what is shown at one place."""
        return self.responses[0].position

    def measured(self, role: str) -> tuple[ImpulseResponse, ...]:
        """Responses of a stage."""
        by_role = {
            "before": self.responses,
            "predicted": self.predicted,
            "verified": self.verified,
        }
        return by_role.get(role, ())

    def here(self, role: str) -> dict[str, ImpulseResponse]:
        """Responses of a stage at the one place, by speaker."""
        return {r.speaker: r for r in self.measured(role) if r.position == self.position}


def stage_name(stage: Stage, stages: Sequence[Stage]) -> str:
    """Name a stage; "before" makes sense where something comes after it."""
    if len(stages) == 1 and stage.role == "before":
        return "Measured"
    return ROLE_NAMES.get(stage.role, stage.role)
