"""From a take to its response and the verdicts on it: accepted, with notes, or rejected."""

from dataclasses import dataclass

from roomcal.errors import MeasurementError
from roomcal.measure.responses import response_from_capture
from roomcal.model.capture import Capture
from roomcal.model.curve import Curve
from roomcal.model.impulse_response import ImpulseResponse
from roomcal.model.verdict import Verdict, rejections


@dataclass(frozen=True, eq=False)
class Judgement:
    """What a take is worth. `response` is None when it is worth nothing."""

    response: ImpulseResponse | None
    verdicts: tuple[Verdict, ...] = ()

    @property
    def rejection(self) -> Verdict | None:
        """The first reason not to use the take."""
        return next(iter(rejections(self.verdicts)), None)


def judge_capture(
    capture: Capture, *, calibration: Curve | None = None, full_scale_db_spl: float | None = None
) -> Judgement:
    """Derive the response of a take and judge it.

    A bad take is an answer, not an error: it comes back without a response, or with a verdict
    that rejects it.
    """
    try:
        response = response_from_capture(
            capture, calibration=calibration, full_scale_db_spl=full_scale_db_spl
        )
    except MeasurementError as error:
        return Judgement(
            None, (Verdict("response", "rejection", error.fault, error.message, error.hint),)
        )
    return Judgement(response)
