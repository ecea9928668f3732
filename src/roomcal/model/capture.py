"""What one take recorded, never modified afterwards."""

from dataclasses import dataclass

from roomcal.model.arrays import frozen_array
from roomcal.model.take import TakePlan
from roomcal.units import FloatArray


@dataclass(frozen=True, eq=False)
class Capture:
    """The raw recording of one take with the stream's own report.

    Attributes
    ----------
    microphone : (n_samples,) float array
        Full scale is 1.
    loopback : (n_samples,) float array or None
        What came back over the loopback cable.
    """

    microphone: FloatArray
    loopback: FloatArray | None
    fs: int
    plan: TakePlan
    speaker: str
    reference_speaker: str  # plays the timing marks
    position: str
    xruns: int = 0
    started_at: str = ""  # UTC, ISO 8601

    def __post_init__(self) -> None:
        object.__setattr__(
            self, "microphone", frozen_array(self.microphone, ndim=1, name="microphone")
        )
        if self.loopback is not None:
            object.__setattr__(
                self, "loopback", frozen_array(self.loopback, ndim=1, name="loopback")
            )

    @property
    def duration_s(self) -> float:
        """Length of the recording."""
        return self.microphone.size / self.fs
