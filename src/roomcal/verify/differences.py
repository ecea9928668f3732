"""Measured minus predicted: levels per band, spreads, arrivals, and whom a response resembles."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from roomcal.dsp.arrival import arrival_sample
from roomcal.dsp.smoothing import smoothed_power
from roomcal.model.impulse_response import ImpulseResponse
from roomcal.units import FloatArray, db_from_power, log_grid_hz

Pair = tuple[ImpulseResponse, ImpulseResponse]  # predicted, measured

LEAST_SNR_DB = 15.0  # a band below it proves nothing
LEAST_LEVEL_DB = -30.0  # re the loudest band: below it the speaker does not play
# Spread of a third-octave level when the microphone is replaced within 5 mm, one position, both
# placements together: 0.03 dB at 40 Hz, 0.18 dB at 16 kHz (rms over the virtual rooms).
_PLACEMENT_DB_AT_1_KHZ = 0.08
_PLACEMENT_EXPONENT = 0.3
_PLACEMENT_M = 0.005
_MOST_PLACEMENT_DB = 4.0  # two unlike places of one room


@dataclass(frozen=True, eq=False)
class BandDifference:
    """Differences of one speaker.

    Attributes
    ----------
    error_db, uncertainty_db : (n_bands,) float array
        Mean over positions and its standard uncertainty; NaN where nothing can be said.
    """

    error_db: FloatArray
    uncertainty_db: FloatArray


def band_levels_db(response: ImpulseResponse, f_hz: FloatArray, width: int) -> FloatArray:
    """Level per band, (n_bands,)."""
    power = np.abs(response.spectrum()) ** 2
    return db_from_power(smoothed_power(power, response.fs / response.samples.size, f_hz, width))


def band_difference(pairs: Sequence[Pair], f_hz: FloatArray) -> BandDifference:
    """Third-octave differences of one speaker over its positions."""
    rows = np.array([_one_difference(pair, f_hz) for pair in pairs])
    noise = np.array([np.hypot(noise_db(p, f_hz), noise_db(m, f_hz)) for p, m in pairs])
    n = len(rows)
    mean = rows.mean(axis=0)  # NaN in one position leaves the band out: it is the same speaker
    placement = placement_db(f_hz)
    spread = np.maximum(placement, rows.std(axis=0, ddof=1)) if n > 2 else placement
    return BandDifference(mean, np.sqrt((spread**2 + (noise**2).mean(axis=0)) / n))


def placement_db(f_hz: FloatArray, moved_m: float = _PLACEMENT_M) -> FloatArray:
    """Spread of a third-octave level at one position when the microphone is put back.

    Parameters
    ----------
    f_hz : (n,) float array
    moved_m : float
        How far from where it stood; a careful hand needs 5 mm.
    """
    careful_db = _PLACEMENT_DB_AT_1_KHZ * (f_hz / 1000.0) ** _PLACEMENT_EXPONENT
    return np.minimum(careful_db * max(moved_m / _PLACEMENT_M, 1.0), _MOST_PLACEMENT_DB)


def rms_difference_db(
    pairs: Sequence[Pair], common_db: float, range_hz: tuple[float, float]
) -> float:
    """Rms of the difference at 1/6 octave, mean over positions, where the speaker plays."""
    f_hz = log_grid_hz(*range_hz, 24)
    predicted = np.array([band_levels_db(p, f_hz, 6) for p, _ in pairs])
    measured = np.array([band_levels_db(m, f_hz, 6) for _, m in pairs])
    mean = predicted.mean(axis=0)
    error = (measured.mean(axis=0) - mean - common_db)[mean > mean.max() + LEAST_LEVEL_DB]
    return float(np.sqrt(np.mean(error**2)))


def arrival_difference_s(pairs: Sequence[Pair]) -> FloatArray:
    """Measured minus predicted arrival at each position, (n_positions,); NaN without a clock."""
    return np.array([_arrival_s(measured) - _arrival_s(predicted) for predicted, measured in pairs])


def distance_db(
    measured: Sequence[ImpulseResponse], predicted: Sequence[ImpulseResponse], f_hz: FloatArray
) -> float:
    """Rms level difference over bands and common positions, the mean level taken off."""
    by_position = {p.position: band_levels_db(p, f_hz, 3) for p in predicted}
    rows = [
        band_levels_db(m, f_hz, 3) - by_position[m.position]
        for m in measured
        if m.position in by_position
    ]
    return float(np.std(rows)) if rows else float("inf")


def _one_difference(pair: Pair, f_hz: FloatArray) -> FloatArray:
    """Difference per band, NaN where the noise or the speaker's own limits hide it."""
    predicted, measured = (band_levels_db(r, f_hz, 3) for r in pair)
    audible = predicted > predicted.max() + LEAST_LEVEL_DB
    for response in pair:
        audible &= snr_db(response, f_hz) > LEAST_SNR_DB
    return np.where(audible, measured - predicted, np.nan)


def snr_db(response: ImpulseResponse, f_hz: FloatArray) -> FloatArray:
    """Signal-to-noise ratio at frequencies, (n,); infinite where no noise was measured."""
    known = np.isfinite(response.snr.snr_db) if response.snr else np.zeros(0, dtype=bool)
    if response.snr is None or not known.any():
        return np.full(f_hz.size, np.inf)
    return np.interp(np.log(f_hz), np.log(response.snr.f_hz[known]), response.snr.snr_db[known])


def noise_db(response: ImpulseResponse, f_hz: FloatArray) -> FloatArray:
    """Give the standard uncertainty of a level in noise: 8.7 dB times the noise ratio."""
    return np.asarray(8.686 * 10.0 ** (-snr_db(response, f_hz) / 20.0) / np.sqrt(2.0))


def _arrival_s(response: ImpulseResponse) -> float:
    if response.time_reference == "none":
        return float("nan")
    return (arrival_sample(response.samples, response.fs) - response.time_zero) / response.fs
