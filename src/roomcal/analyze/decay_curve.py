"""The energy decay curve of one band: what is still to come, noise and truncation compensated."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from roomcal.analyze.noise_floor import NoiseFloor, find_noise_floor
from roomcal.dsp.bands import BandPower
from roomcal.model.arrays import frozen_array
from roomcal.units import FloatArray, db_from_power

# Evaluation ranges on the decay curve, dB re its start (ISO 3382-1, 5.2 and annex A).
RANGES_DB = {"edt": (0.0, -10.0), "t20": (-5.0, -25.0), "t30": (-5.0, -35.0)}
MIN_POINTS = 3  # of the curve in an evaluation range


@dataclass(frozen=True, eq=False)
class DecayCurve:
    """Energy that is still to come, after the noise is taken out.

    Attributes
    ----------
    t_s : (n,) float array
        From the direct sound, up to the knee.
    edc_db : (n,) float array
        Re the total energy.
    floor : NoiseFloor
    total_energy : float
        Power x seconds.
    """

    t_s: FloatArray
    edc_db: FloatArray
    floor: NoiseFloor
    total_energy: float

    def __post_init__(self) -> None:
        for name in ("t_s", "edc_db"):
            object.__setattr__(self, name, frozen_array(getattr(self, name), ndim=1, name=name))

    @cached_property
    def range_db(self) -> float:
        """How far the curve falls before the noise (or the end of the data) hides it.

        For an exponential decay this is the peak-to-noise ratio. It is taken in two ways, at the
        knee and from the decay before it, and the smaller counts: a late slope that chance made
        steep would promise range that is not there.
        """
        at_knee = float(-self.edc_db[-1])
        slope, _, _ = self.line(*RANGES_DB["t20"])
        if self.floor.power == 0.0 or not slope < 0.0:
            return at_knee
        peak = self.total_energy * -slope * np.log(10.0) / 10.0
        return min(at_knee, float(db_from_power(peak / self.floor.power)))

    def line(self, upper_db: float, lower_db: float) -> tuple[float, float, int]:
        """Straight line through a range of the curve.

        Returns
        -------
        slope_db_per_s : float
            NaN when fewer than three points lie in the range.
        unexplained : float
            1 - r^2.
        n_points : int
        """
        first = int(np.argmax((self.edc_db <= upper_db) & (self.t_s >= 0.0)))
        below = self.edc_db < lower_db
        stop = int(np.argmax(below)) if below.any() else self.edc_db.size
        if stop - first < MIN_POINTS:
            return np.nan, np.nan, max(stop - first, 0)
        t, level = self.t_s[first:stop], self.edc_db[first:stop]
        slope, offset = np.polyfit(t, level, 1)
        spread = float(np.sum((level - level.mean()) ** 2))
        unexplained = float(np.sum((level - slope * t - offset) ** 2)) / max(spread, 1e-30)
        return float(slope), unexplained, stop - first


def decay_curve(band: BandPower, start_s: float, stop_s: float, *, width_hz: float) -> DecayCurve:
    """Integrate the power backwards from the knee (Schroeder), noise and truncation compensated.

    Parameters
    ----------
    band : BandPower
    start_s, stop_s : float
        Time of the direct sound and end of the data, on the time axis of `band`.
    width_hz : float
        Bandwidth.

    Returns
    -------
    curve : DecayCurve

    Raises
    ------
    ValueError
        When no decay stands out of the noise.

    Notes
    -----
    E(t) = sum of (p^2 - N) from t to the knee, plus the energy that the late slope promises after
    it (ISO 3382-1, 5.3.3; noise subtraction after Chu, J. Acoust. Soc. Am. 63(5), 1978).
    """
    rate = band.rate_hz
    # What the filter blurs across the cut at the end of the data is neither decay nor noise.
    stop_s -= 0.5 / width_hz
    start = (start_s - band.start_s) * rate
    first, stop = int(np.ceil(start)), int((stop_s - band.start_s) * rate)
    after = band.power[first:stop]
    floor = find_noise_floor(after, rate, resolution_s=1.0 / width_hz) if after.size else None
    if floor is None:
        raise ValueError("no decay stands out of the noise")
    knee = min(max(int(floor.knee_s * rate), 1), after.size)
    still_to_come = np.cumsum((after[:knee] - floor.power)[::-1])[::-1] / rate + floor.hidden_energy
    # The direct sound is blurred forwards and backwards: its early half counts as well.
    early = max(0, first - int(np.ceil(1.0 / width_hz * rate)))
    before = float(np.sum(band.power[early:first] - floor.power)) / rate
    total = still_to_come[0] + max(before, 0.0)
    # The power at t stands for half a step on either side.
    t = np.asarray((np.arange(knee + 1) + first - start - 0.5) / rate)
    energy = np.append(still_to_come, floor.hidden_energy)
    return DecayCurve(t, db_from_power(energy / total), floor, total)
