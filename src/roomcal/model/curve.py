"""A level over frequency: a target, a calibration, a smoothed response and a limit alike."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from roomcal.model.arrays import frozen_array
from roomcal.units import FloatArray


@dataclass(frozen=True, eq=False)
class Curve:
    """Level, and phase if known, at rising frequencies.

    Attributes
    ----------
    f_hz : (n,) float array
        Strictly rising, above 0.
    level_db : (n,) float array
    phase_deg : (n,) float array or None
    """

    f_hz: FloatArray
    level_db: FloatArray
    phase_deg: FloatArray | None = None
    name: str = ""

    def __post_init__(self) -> None:
        for name in ("f_hz", "level_db", "phase_deg"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, frozen_array(getattr(self, name), ndim=1, name=name))
        if self.f_hz.size == 0 or self.f_hz.shape != self.level_db.shape:
            raise ValueError(f"{self.f_hz.shape=} and {self.level_db.shape=} do not fit")
        if self.phase_deg is not None and self.phase_deg.shape != self.f_hz.shape:
            raise ValueError(f"{self.f_hz.shape=} and {self.phase_deg.shape=} do not fit")
        if not (self.f_hz > 0).all() or not (np.diff(self.f_hz) > 0).all():
            raise ValueError("the frequencies of a curve rise and are above 0")

    def level_at(self, f_hz: ArrayLike) -> FloatArray:
        """Level in dB, linear over log frequency, held flat beyond both ends.

        Parameters
        ----------
        f_hz : (...) float array
            0 Hz counts as below the first point.

        Returns
        -------
        level_db : (...) float array
        """
        f = np.maximum(np.asarray(f_hz, dtype=np.float64), self.f_hz[0])
        return np.interp(np.log(f), np.log(self.f_hz), self.level_db)
