"""Decay over several positions: a mean with its range, honest about missing numbers."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from roomcal.analyze.decay import DecayAnalysis
from roomcal.model.arrays import frozen_array
from roomcal.units import FloatArray

_LEAST_SHARE = 0.5  # of the positions must have a number before their mean is one


@dataclass(frozen=True, eq=False)
class DecayAverage:
    """Decay time per band over positions.

    Attributes
    ----------
    bands_hz : (n_bands,) float array
    time_s, low_s, high_s : (n_bands,) float array
        Mean, least and greatest; NaN where fewer than half of the positions have a number.
    n_numbers : (n_bands,) float array
        How many positions have one.
    """

    bands_hz: FloatArray
    time_s: FloatArray
    low_s: FloatArray
    high_s: FloatArray
    n_numbers: FloatArray

    def __post_init__(self) -> None:
        for name in ("bands_hz", "time_s", "low_s", "high_s", "n_numbers"):
            object.__setattr__(self, name, frozen_array(getattr(self, name), ndim=1, name=name))


def average_decay(decays: Sequence[DecayAnalysis]) -> DecayAverage:
    """Average the best decay time (T30, else T20) of one speaker over positions.

    Parameters
    ----------
    decays : sequence of DecayAnalysis
        All with the same bands.
    """
    if not decays:
        raise ValueError("an average needs at least one decay")
    bands_hz = decays[0].bands_hz
    if any(not np.array_equal(d.bands_hz, bands_hz) for d in decays):
        raise ValueError("decays with different bands have no average")
    times = np.array([d.best_s for d in decays])
    known = np.isfinite(times)
    n = known.sum(axis=0).astype(np.float64)
    enough = n >= max(_LEAST_SHARE * len(decays), 1.0)
    mean = np.where(known, times, 0.0).sum(axis=0) / np.maximum(n, 1.0)
    low = np.where(known, times, np.inf).min(axis=0)
    high = np.where(known, times, -np.inf).max(axis=0)
    low, mean, high = (np.where(enough, x, np.nan) for x in (low, mean, high))
    return DecayAverage(bands_hz, mean, low, high, n)
