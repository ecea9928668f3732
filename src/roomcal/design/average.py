"""Step 1, first half: what a speaker does on average over the positions."""

from dataclasses import dataclass

import numpy as np

from roomcal.dsp.smoothing import smoothed_power
from roomcal.units import FloatArray, db_from_power

# Generalised mean of the power, (sum w P^p)^(1/p): between the mean of the levels (p -> 0),
# which narrow dips at single positions pull down, and the mean energy (p = 1), which single
# peaks pull up.
MEAN_EXPONENT = 0.3
# Frequencies between which the resolution changes (Hz): octave fractions in the bass where modes
# ring, the ear's bandwidth where reflections comb.
_TO_MIDDLE_HZ = (150.0, 400.0)
_TO_EAR_HZ = (500.0, 1500.0)
_MIDDLE = 6  # bands per octave


@dataclass(frozen=True, eq=False)
class SpatialLevel:
    """Smoothed level over positions.

    Attributes
    ----------
    fine_db : (n,) float array
        Weighted average at the fine resolution.
    coarse_db : (n,) float array
        The same at the resolution that boosts are allowed.
    spread_db : (n,) float array
        Standard deviation of the level between positions; 0 for a single one.
    """

    fine_db: FloatArray
    coarse_db: FloatArray
    spread_db: FloatArray


def spatial_level(
    power: FloatArray,
    bin_hz: float,
    f_hz: FloatArray,
    *,
    weights: FloatArray,
    fine: int,
    coarse: int,
) -> SpatialLevel:
    """Smooth every position, then average over positions.

    Parameters
    ----------
    power : (n_positions, n_bins) float array
    bin_hz : float
    f_hz : (n,) float array
    weights : (n_positions,) float array
    fine, coarse : int
        Bands per octave below 150 Hz; at most 1/6 octave around 400 Hz, ERB above 1.5 kHz.
    """
    tiny = np.finfo(np.float64).tiny
    log_power = {
        width: np.log(np.maximum(smoothed_power(power, bin_hz, f_hz, width), tiny))
        for width in {fine, coarse, min(fine, _MIDDLE), min(coarse, _MIDDLE)}
    }
    ear = np.log(np.maximum(smoothed_power(power, bin_hz, f_hz, "erb"), tiny))
    to_middle = _ramp(f_hz, _TO_MIDDLE_HZ)
    to_ear = _ramp(f_hz, _TO_EAR_HZ)

    def blend(width: int) -> FloatArray:
        above = (1.0 - to_ear) * log_power[min(width, _MIDDLE)] + to_ear * ear
        return (1.0 - to_middle) * log_power[width] + to_middle * above

    at_fine = blend(fine)
    return SpatialLevel(
        fine_db=mean_level_db(at_fine, weights),
        coarse_db=mean_level_db(blend(coarse), weights),
        spread_db=np.std(10.0 / np.log(10.0) * at_fine, axis=0),
    )


def mean_level_db(log_power: FloatArray, weights: FloatArray) -> FloatArray:
    """Generalised mean over positions of natural log powers (n_positions, n), in dB."""
    mean = (weights @ np.exp(MEAN_EXPONENT * log_power)) ** (1.0 / MEAN_EXPONENT)
    return db_from_power(mean)


def _ramp(f_hz: FloatArray, edges_hz: tuple[float, float]) -> FloatArray:
    """Rise from 0 to 1 over the logarithm of frequency."""
    low, high = np.log(edges_hz)
    return np.clip((np.log(f_hz) - low) / (high - low), 0.0, 1.0)
