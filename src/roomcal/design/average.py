"""Step 1, first half: what a speaker does on average over the positions."""

from dataclasses import dataclass

import numpy as np

from roomcal.dsp.smoothing import Width, smoothed_powers
from roomcal.units import FloatArray, db_from_power, log_ramp

# A peak is heard more than a dip: what stands above the average at a position counts so much more
# than what lies below it. The average is the expectile of the levels: it minimises the squared
# deviation with these weights.
PEAK_WEIGHT = 2.2
# The main position speaks for its surroundings where waves are long; above, what differs between
# positions a hand apart is chance, and all count alike.
_TO_EQUAL_HZ = (2000.0, 5000.0)
_EXPECTILE_STEPS = 6  # of Newton's method, which ends after as many as there are positions at most
# Frequencies between which the resolution changes (Hz): octave fractions in the bass where modes
# ring, the ear's bandwidth where reflections comb.
_TO_MIDDLE_HZ = (150.0, 400.0)
_TO_EAR_HZ = (500.0, 1500.0)
_MIDDLE = 12  # bands per octave


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
    widths: set[Width] = {fine, coarse, min(fine, _MIDDLE), min(coarse, _MIDDLE), "erb"}
    log_power = {
        width: np.log(np.maximum(smoothed, tiny))
        for width, smoothed in smoothed_powers(power, bin_hz, f_hz, widths).items()
    }
    ear = log_power["erb"]
    to_middle = log_ramp(f_hz, _TO_MIDDLE_HZ)
    to_ear = log_ramp(f_hz, _TO_EAR_HZ)

    def blend(width: int) -> FloatArray:
        above = (1.0 - to_ear) * log_power[min(width, _MIDDLE)] + to_ear * ear
        return (1.0 - to_middle) * log_power[width] + to_middle * above

    at_fine = blend(fine)
    weights = weights_over_frequency(weights, f_hz)
    return SpatialLevel(
        fine_db=mean_level_db(at_fine, weights),
        coarse_db=mean_level_db(blend(coarse), weights),
        spread_db=np.std(10.0 / np.log(10.0) * at_fine, axis=0),
    )


def weights_over_frequency(weights: FloatArray, f_hz: FloatArray) -> FloatArray:
    """Weights of positions (n_positions,) that become equal in the treble, (n_positions, n)."""
    to_equal = log_ramp(f_hz, _TO_EQUAL_HZ)
    return np.asarray(weights[:, np.newaxis] * (1.0 - to_equal) + to_equal / weights.size)


def mean_level_db(log_power: FloatArray, weights: FloatArray) -> FloatArray:
    """Average level over positions of natural log powers (n_positions, n), in dB.

    Parameters
    ----------
    log_power : (n_positions, n) float array
    weights : (n_positions, n) or (n_positions, 1) float array

    Notes
    -----
    Expectile after Newey and Powell, Econometrica 55(4), 1987: a mean whose weights depend on
    the side on which a value lies.
    """
    level_db = db_from_power(np.exp(log_power))
    mean_db = (weights * level_db).sum(axis=0)
    for _ in range(_EXPECTILE_STEPS):
        w = weights * np.where(level_db > mean_db, PEAK_WEIGHT, 1.0)
        mean_db = (w * level_db).sum(axis=0) / w.sum(axis=0)
    return mean_db
