"""What a file of another program says about one response, before it has a speaker."""

from dataclasses import dataclass

from roomcal.model.curve import Curve
from roomcal.model.impulse_response import TimeReference
from roomcal.units import FloatArray


@dataclass(frozen=True, eq=False)
class ForeignResponse:
    """One impulse response as another program stored it.

    Attributes
    ----------
    samples : (n_samples,) float array
    name : str
        What the other program calls it; empty if it says nothing.
    time_zero : float
        Index at which the sound left, if `time_reference` is not "none".
    full_scale_db_spl : float or None
        Level that a full-scale sine at the microphone stands for.
    calibration : Curve or None
        Response of the microphone, stored beside the samples and not taken out of them.
    notes : tuple of str
        What a user should know before relying on it.
    """

    samples: FloatArray
    fs: int
    name: str = ""
    time_zero: float = 0.0
    time_reference: TimeReference = "none"
    full_scale_db_spl: float | None = None
    calibration: Curve | None = None
    notes: tuple[str, ...] = ()
