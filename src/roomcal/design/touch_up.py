"""Step 4: look at the corrected responses again and mend what the first pass left."""

import numpy as np

from roomcal.design.align import AlignedSet
from roomcal.design.grid import DESIGN_PER_OCTAVE, on_bins
from roomcal.design.limits import Limits
from roomcal.design.magnitude import MANY_POSITIONS, magnitude_correction
from roomcal.model.curve import Curve
from roomcal.units import FloatArray, power_from_db

PASSES = 6
# A touch-up is coarser than the first pass: it mends levels, it does not chase detail.
RESOLUTION = 6
# The step is smoothed over this width: repeated corrections of a smoothed response would otherwise
# sharpen it into ripple that no position has. With few positions nothing averages, and what is
# sharpened rings: wider.
_SMOOTHING_MANY_OCTAVES, _SMOOTHING_FEW_OCTAVES = 1.0 / 6.0, 1.0 / 3.0
# What one pass may add or take away.
STEP_DB = 8.0


def touched_up(
    aligned: AlignedSet,
    correction_db: FloatArray,
    f_hz: FloatArray,
    *,
    target: Curve,
    limits: Limits,
    resolution: int = RESOLUTION,
    direct_db: FloatArray | None = None,
    held_db: FloatArray | None = None,
) -> FloatArray:
    """Refine a correction within the boost that is left.

    Parameters
    ----------
    aligned : AlignedSet
    correction_db : (n,) float array
        On the design grid.
    f_hz : (n,) float array
    target : Curve
    limits : Limits
    resolution : int
        Bands per octave in the bass.
    direct_db : (n,) float array, optional
        Level of the direct sound without `correction_db`.
    held_db : (n,) float array, optional
        Level of other parts of the filter, which are in `aligned` already: it counts against the
        limits.

    Returns
    -------
    correction_db : (n,) float array
    """
    held = np.zeros(f_hz.size) if held_db is None else held_db
    many = aligned.weights.size >= MANY_POSITIONS
    octaves = _SMOOTHING_MANY_OCTAVES if many else _SMOOTHING_FEW_OCTAVES
    for _ in range(PASSES):
        gain = power_from_db(on_bins(f_hz, correction_db, aligned.n_fft, aligned.fs))
        rest = magnitude_correction(
            aligned,
            aligned.power * gain,
            f_hz,
            target=target,
            limits=limits.left_by(correction_db + held),
            cuts=resolution,
            boosts=resolution,
            direct_db=None if direct_db is None else direct_db + correction_db,
        )
        step_db = _smooth(np.clip(rest.granted_db, -STEP_DB, STEP_DB), octaves)
        correction_db = limits.bounded(correction_db + step_db + held) - held
    return correction_db


def _smooth(step_db: FloatArray, octaves: float) -> FloatArray:
    """Average over a Hann window on the logarithm of frequency, `octaves` wide at half height."""
    n = round(octaves * DESIGN_PER_OCTAVE)
    window = np.hanning(2 * n + 1)
    return np.convolve(np.pad(step_db, n, mode="edge"), window / window.sum(), mode="valid")
