"""Whether a mean difference is more than chance, one among many that are asked for at once.

Few positions say little about their own spread. What the physics of a repetition expects counts
as if it had been seen several times before: with one position it decides, with nine the data do.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr, stdtrit

from roomcal.model.arrays import frozen_array
from roomcal.units import FloatArray

FAMILY_ERROR = 0.05  # chance of any false alarm among all that is compared
CONFIDENCE = 0.95  # of every interval by itself
# Observations that the expected spread stands for.
PRIOR_WEIGHT = 6.0


@dataclass(frozen=True, eq=False)
class MeanDifference:
    """Means over positions; NaN where too few positions know the number.

    Attributes
    ----------
    mean, half_width, p_value : (n,) float array
        Half the confidence interval, and the chance of a mean this far from 0 if nothing changed.
    n_positions : (n,) float array
        That the mean is taken over.
    """

    mean: FloatArray
    half_width: FloatArray
    p_value: FloatArray
    n_positions: FloatArray

    def __post_init__(self) -> None:
        for name in ("mean", "half_width", "p_value", "n_positions"):
            object.__setattr__(self, name, frozen_array(getattr(self, name), ndim=1, name=name))


def mean_difference(
    rows: FloatArray,
    expected_std: FloatArray,
    *,
    common_std: FloatArray,
    least_share: float = 0.5,
) -> MeanDifference:
    """Mean of differences over positions, with its interval and its p-value.

    Parameters
    ----------
    rows : (n_positions, n) float array
        NaN where a position does not know the number.
    expected_std : (n,) float array
        Spread from one position to the next that a repetition brings without any change.
    common_std : (n,) float array
        What all positions share, and no average takes away.
    least_share : float
        Of the positions must know a number.

    Notes
    -----
    The moderated t statistic: s^2 = (w s0^2 + sum (d - mean)^2) / (w + n - 1) with w + n - 1
    degrees of freedom (Smyth, Stat. Appl. Genet. Mol. Biol. 3(1), 2004, section 5), s0 the
    expected spread and w its weight. The common part is known, which adds freedom (Satterthwaite,
    Biometrics Bulletin 2, 1946, equation 17).
    """
    known = np.isfinite(rows)
    n = known.sum(axis=0).astype(np.float64)
    count = np.maximum(n, 1.0)
    mean = np.where(known, rows, 0.0).sum(axis=0) / count
    squares = np.where(known, (rows - mean) ** 2, 0.0).sum(axis=0)
    freedom = PRIOR_WEIGHT + count - 1.0
    own = (PRIOR_WEIGHT * expected_std**2 + squares) / freedom / count
    total = own + common_std**2
    freedom = freedom * (total / np.maximum(own, np.finfo(np.float64).tiny)) ** 2
    error = np.sqrt(total)
    p = 2.0 * stdtr(freedom, -np.abs(mean) / error)
    half = stdtrit(freedom, 0.5 + 0.5 * CONFIDENCE) * error
    enough = (n >= 1.0) & (n >= least_share * len(rows))
    mean, half, p = (np.where(enough, x, np.nan) for x in (mean, half, p))
    return MeanDifference(mean, half, p, n)


def significant(p_values: FloatArray, *, family_error: float = FAMILY_ERROR) -> np.ndarray:
    """Tell which of many p-values are more than chance, all of them together.

    Parameters
    ----------
    p_values : (n,) float array
        NaN for what was not compared.
    family_error : float
        Chance that any is called significant when nothing changed.

    Returns
    -------
    significant : (n,) bool array

    Notes
    -----
    The step-down procedure of Holm (Scand. J. Statist. 6, 1979), which asks for no independence.
    """
    found = np.zeros(p_values.size, dtype=bool)
    known = np.flatnonzero(np.isfinite(p_values))
    order = known[np.argsort(p_values[known], kind="stable")]
    limits = family_error / np.arange(order.size, 0, -1)
    beyond = np.flatnonzero(p_values[order] > limits)
    found[order[: beyond[0] if beyond.size else order.size]] = True
    return found
