"""Read-only arrays for frozen dataclasses, which alone would leave their contents writable."""

import numpy as np
from numpy.typing import ArrayLike

from roomcal.units import FloatArray


def frozen_array(values: ArrayLike, *, ndim: int, name: str) -> FloatArray:
    """Copy `values` to a read-only float64 array with `ndim` axes.

    Raises
    ------
    ValueError
        If the number of axes differs.
    """
    array = np.array(values, dtype=np.float64)
    if array.ndim != ndim:
        raise ValueError(f"{name} has {array.ndim} axes, expected {ndim}")
    array.flags.writeable = False
    return array
