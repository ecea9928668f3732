"""How the recorder's clock runs against the player's: a line through the timing marks."""

from dataclasses import dataclass

import numpy as np

from roomcal.model.arrays import frozen_array
from roomcal.units import FloatArray

# A slope below is not told from none and bends the phase by 0.1 degrees at most in a
# sweep of 5.5 s; its delay is common to all speakers.
CORRECTED_ABOVE_PPM = 0.05


@dataclass(frozen=True, eq=False)
class ClockLine:
    """Where the recorder's samples lie on the player's clock.

    Recording index = `offset_samples` + (1 + `slope_ppm` / 1e6) * output index.

    Attributes
    ----------
    slope_ppm : float
        Positive when the recorder's clock is the faster one: it takes more samples.
    offset_samples : float
        Latency at output index 0; through the air it contains the flight of the marks.
    residual_samples : float
        Largest distance of a mark from the line.
    deviations_samples : (n_marks,) float array
        Distance of every mark from the line: a step is a lost sample, a curve is moving air or a
        resampler.
    mark_samples : (n_marks,) float array
        Recording index at which each mark starts.
    mark_starts : (n_marks,) float array
        Output index at which each mark was sent.
    """

    slope_ppm: float
    offset_samples: float
    residual_samples: float
    deviations_samples: FloatArray
    mark_samples: FloatArray
    mark_starts: FloatArray

    def __post_init__(self) -> None:
        for name in ("deviations_samples", "mark_samples", "mark_starts"):
            object.__setattr__(self, name, frozen_array(getattr(self, name), ndim=1, name=name))

    @property
    def ratio(self) -> float:
        """Samples that the recorder takes for each one played."""
        return 1.0 + 1e-6 * self.slope_ppm

    @property
    def needs_correction(self) -> bool:
        """Whether the clocks differ by more than the marks can be wrong."""
        return abs(self.slope_ppm) > CORRECTED_ABOVE_PPM

    def recorded_at(self, output_index: float) -> float:
        """Return the recording index of something played at an output index."""
        ratio = self.ratio if self.needs_correction else 1.0
        centre = float(self.mark_starts.mean())
        at_centre = self.offset_samples + self.ratio * centre
        return at_centre + ratio * (output_index - centre)


def air_samples(samples_at_48_khz: float, fs: int) -> float:
    """Scale a limit for moving air: it moves in time, and was measured in samples of 48 kHz."""
    return samples_at_48_khz * max(1.0, fs / 48000)


def fit_clock(mark_starts: FloatArray, mark_samples: FloatArray) -> ClockLine:
    """Fit the line of least squares through the marks.

    Parameters
    ----------
    mark_starts : (n_marks,) float array
        Output indices.
    mark_samples : (n_marks,) float array
        Recording indices.
    """
    if mark_starts.size < 2 or mark_starts.shape != mark_samples.shape:
        raise ValueError(f"a line needs two marks, got {mark_starts.shape=} {mark_samples.shape=}")
    # The difference is fitted about its centre: the slope is a millionth of the positions.
    centre = mark_starts.mean()
    centred = mark_starts - centre
    late = mark_samples - mark_starts
    slope = float(np.sum(centred * late) / np.sum(centred**2))
    at_centre = float(late.mean())
    deviations = late - at_centre - slope * centred
    return ClockLine(
        slope_ppm=1e6 * slope,
        offset_samples=at_centre - slope * float(centre),
        residual_samples=float(np.abs(deviations).max()),
        deviations_samples=deviations,
        mark_samples=mark_samples,
        mark_starts=mark_starts,
    )
