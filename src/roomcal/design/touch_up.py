"""Step 4: look at the corrected responses again and mend what the first pass left."""

import numpy as np

from roomcal.design.align import AlignedSet
from roomcal.design.grid import DESIGN_PER_OCTAVE, on_bins
from roomcal.design.limits import Limits
from roomcal.design.magnitude import magnitude_correction
from roomcal.model.curve import Curve
from roomcal.units import FloatArray, power_from_db

PASSES = 3
# A touch-up is coarser than the first pass: it mends levels, it does not chase detail.
RESOLUTION = 6
# The step is smoothed over this: repeated corrections of a smoothed response would otherwise
# sharpen it into ripple that no position has.
_SMOOTHING_OCTAVES = 1.0 / 3.0
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

    Returns
    -------
    correction_db : (n,) float array
    """
    for _ in range(PASSES):
        gain = power_from_db(on_bins(f_hz, correction_db, aligned.n_fft, aligned.fs))
        rest = magnitude_correction(
            aligned,
            aligned.power * gain,
            f_hz,
            target=target,
            limits=limits.left_by(correction_db),
            cuts=resolution,
            boosts=resolution,
        )
        step_db = _smooth(np.clip(rest.granted_db, -STEP_DB, STEP_DB))
        correction_db = limits.bounded(correction_db + step_db)
    return correction_db


def _smooth(step_db: FloatArray) -> FloatArray:
    """Average over a Hann window on the logarithm of frequency."""
    n = round(_SMOOTHING_OCTAVES * DESIGN_PER_OCTAVE)
    window = np.hanning(2 * n + 1)
    return np.convolve(np.pad(step_db, n, mode="edge"), window / window.sum(), mode="valid")
