"""When the direct sound arrives, and how far the response stands out of the noise."""

from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np

from roomcal.dsp.arrival import arrival_sample
from roomcal.model.impulse_response import ImpulseResponse

# Bands that speak for a whole response; below and above, small monitors and rooms differ too much.
SNR_RANGE_HZ = (50.0, 10000.0)
# Responses never change, so their arrivals do not; one that is gone takes its own along.
_FOUND: WeakKeyDictionary[ImpulseResponse, float] = WeakKeyDictionary()


@dataclass(frozen=True)
class Arrival:
    """Flight time from the output to the microphone."""

    arrival_s: float  # after `time_zero`; NaN without a common clock
    reason: str = ""


@dataclass(frozen=True)
class SnrSummary:
    """Signal-to-noise ratio of the whole response."""

    snr_db: float  # median of the third octaves in `SNR_RANGE_HZ`
    worst_db: float
    worst_hz: float
    reason: str = ""


def arrival_index(response: ImpulseResponse) -> float:
    """Index of the direct sound, to a fraction of a sample: found once, as many questions ask."""
    if response not in _FOUND:
        _FOUND[response] = arrival_sample(response.samples, response.fs)
    return _FOUND[response]


def find_arrival(response: ImpulseResponse) -> Arrival:
    """Time of the direct sound after the impulse left the output."""
    if response.time_reference == "none":
        return Arrival(float("nan"), "the response has no common clock with the others")
    index = arrival_index(response)
    return Arrival((index - response.time_zero) / response.fs)


def summarize_snr(response: ImpulseResponse) -> SnrSummary:
    """Median and worst third octave of the measured signal-to-noise ratio."""
    nan = float("nan")
    if response.snr is None:
        return SnrSummary(nan, nan, nan, "no noise was recorded beside this response")
    low, high = SNR_RANGE_HZ
    f, snr = response.snr.f_hz, response.snr.snr_db
    known = (f >= low) & (f <= high) & np.isfinite(snr)
    if not known.any():
        return SnrSummary(nan, nan, nan, f"no band between {low:g} and {high:g} Hz was measured")
    worst = int(np.argmin(np.where(known, snr, np.inf)))
    return SnrSummary(float(np.median(snr[known])), float(snr[worst]), float(f[worst]))
