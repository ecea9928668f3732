"""How finely a recording is rounded: what looks cut or lost may be no more than that."""

import numpy as np

from roomcal.units import FloatArray

_LOOKED_AT = 4.5  # steps from zero
_UNEVEN = 0.15  # mean distance from whole steps; 0.25 is what no rounding gives


def smallest_step(x: FloatArray) -> float:
    """Return the step to whose multiples a recording was rounded; next to 0 if it was not.

    Parameters
    ----------
    x : (n_samples,) float array
        Rounded to integers at some time, and perhaps scaled since. Noise and sweeps pass through
        zero, so the step is the smallest sample that is not zero.
    """
    size = np.abs(x[x != 0.0])
    if not size.size:
        return 0.0
    step = float(np.min(size))
    near = size[size <= _LOOKED_AT * step] / step
    return step if np.mean(np.abs(near - np.round(near))) < _UNEVEN else 0.0
