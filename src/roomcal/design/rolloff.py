"""How low a speaker plays: the bottom of its own range, told apart from dips and noise."""

from dataclasses import dataclass

import numpy as np

from roomcal.dsp.smoothing import smoothed_power
from roomcal.units import FloatArray, db_from_power, frequency_text, log_grid_hz, power_from_db

# Third-octave levels: wide enough that a single mode does not decide, and looked at from well
# below hearing, because a roll-off goes on downwards and a dip ends.
_SMOOTHING = 3
_GRID_HZ = log_grid_hz(10.0, 1000.0, 24)
_PLATEAU_HZ = (100.0, 1000.0)  # small monitors are flat from here; the median ignores modes
BOOST_END_OCTAVES = 0.5  # below the corner nothing is added
CORNER_DEPTH_DB = 6.0  # the corner: nothing at or below it comes nearer to the plateau
_HIGHEST_CORNER_HZ = 250.0  # above, it is no roll-off but another kind of speaker
# A speaker falls by 11 dB (closed) or 20 dB (vented) within the octave below its corner. Where what
# is measured falls by less, modes and dips of the room hide the slope, and the corner read from it
# comes out as much as twice too high: then a high-pass is fitted, and both count alike.
_STEEP_DB = 8.0
_FIT_HZ = log_grid_hz(12.0, 400.0, 12)
_FIT_CORNERS_HZ = log_grid_hz(15.0, 150.0, 24)
_FIT_ORDERS = (2, 3, 4)
_FIT_FLOOR_DB = -30.0  # below, the level is noise or the room's


@dataclass(frozen=True, eq=False)
class RollOff:
    """The bottom of a speaker's range with its evidence.

    Attributes
    ----------
    corner_hz : float
        The speaker is 6 dB down here and never comes nearer to its plateau below, by measurement
        or, where that is `hidden`, by a fit.
    f_hz, level_db : (n,) float array
        The highest third-octave level at or below each frequency, re the plateau: what the
        speaker can do at its best position in frequency. Never falls with frequency, at most 0.
    """

    corner_hz: float
    f_hz: FloatArray
    level_db: FloatArray
    hidden: bool = False  # the room hides the slope: the corner is an estimate

    @property
    def boost_end_hz(self) -> float:
        """Frequency below which nothing is added."""
        return self.corner_hz * 2.0**-BOOST_END_OCTAVES

    def level_at(self, f_hz: FloatArray) -> FloatArray:
        """Level re the plateau that the speaker reaches at or below each frequency."""
        return np.interp(np.log(f_hz), np.log(self.f_hz), self.level_db)

    @property
    def text(self) -> str:
        """Say what was found."""
        octave_down = float(self.level_at(np.array([self.corner_hz / 2.0]))[0])
        ends = f"boost fades out below, to none at {frequency_text(self.boost_end_hz)}"
        if self.hidden:
            return (
                f"the speaker itself rolls off below about {frequency_text(self.corner_hz)} (an "
                f"estimate: modes of the room hide its slope): {ends}"
            )
        return (
            f"the speaker itself rolls off below {frequency_text(self.corner_hz)} "
            f"({CORNER_DEPTH_DB:.0f} dB down there, {-octave_down:.0f} dB an octave lower): {ends}"
        )


def find_roll_off(
    power: FloatArray, bin_hz: float, *, weights: FloatArray, trusted_low_hz: float = 10.0
) -> RollOff | None:
    """Find the frequency below which a speaker never comes near its plateau again.

    Parameters
    ----------
    power : (n_positions, n_bins) float array
    bin_hz : float
    weights : (n_positions,) float array
    trusted_low_hz : float
        Below, the response is noise and says nothing.

    Returns
    -------
    roll_off : RollOff or None
        None where the speaker still plays at the lowest trusted frequency.

    Notes
    -----
    The running maximum from the bottom up decides. A dip of any depth leaves what lies below it
    standing, so it cannot be taken for a roll-off; noise or room gain at the bottom can only hide
    a roll-off, never invent one.
    """
    grid = _GRID_HZ
    f = grid[(grid >= trusted_low_hz) & (grid < bin_hz * (power.shape[-1] - 1))]
    if f.size == 0:
        return None
    level_db = np.asarray(weights @ db_from_power(smoothed_power(power, bin_hz, f, _SMOOTHING)))
    plateau = (f >= _PLATEAU_HZ[0]) & (f <= _PLATEAU_HZ[1])
    if not plateau.any():
        return None
    envelope_db = np.maximum.accumulate(level_db) - np.median(level_db[plateau])
    first = int(np.argmax(envelope_db >= -CORNER_DEPTH_DB))
    if first == 0 or f[first] > _HIGHEST_CORNER_HZ:
        return None
    share = (-CORNER_DEPTH_DB - envelope_db[first - 1]) / (
        envelope_db[first] - envelope_db[first - 1]
    )
    corner_hz = float(f[first - 1] * (f[first] / f[first - 1]) ** share)
    octave_down_db = float(np.interp(np.log(corner_hz / 2.0), np.log(f), envelope_db))
    hidden = corner_hz / 2.0 > f[0] and octave_down_db > -CORNER_DEPTH_DB - _STEEP_DB
    if hidden:
        fitted_hz = _fitted_corner_hz(power, bin_hz, weights, max(trusted_low_hz, _FIT_HZ[0]))
        corner_hz = float(np.sqrt(corner_hz * min(fitted_hz, corner_hz)))
    return RollOff(corner_hz, f, np.minimum(envelope_db, 0.0), hidden)


def _fitted_corner_hz(
    power: FloatArray, bin_hz: float, weights: FloatArray, low_hz: float
) -> float:
    """Corner of the Butterworth high-pass that leaves the least absolute deviation."""
    f = _FIT_HZ[low_hz <= _FIT_HZ]
    level_db = np.asarray(weights @ db_from_power(smoothed_power(power, bin_hz, f, _SMOOTHING)))
    plateau = f >= _PLATEAU_HZ[0]
    level_db = np.maximum(level_db, np.median(level_db[plateau]) + _FIT_FLOOR_DB)
    best, found_hz = np.inf, 0.0
    for order in _FIT_ORDERS:
        ratio = (_FIT_CORNERS_HZ[:, np.newaxis] / f) ** (2 * order)
        off_db = level_db - np.maximum(-db_from_power(1.0 + ratio), _FIT_FLOOR_DB)
        left = np.mean(np.abs(off_db - np.median(off_db, axis=1, keepdims=True)), axis=1)
        k = int(np.argmin(left))
        if left[k] < best:
            best = float(left[k])
            # From the half-power frequency to where the speaker is 6 dB down.
            depth = float(power_from_db(CORNER_DEPTH_DB)) - 1.0
            found_hz = float(_FIT_CORNERS_HZ[k] * depth ** (-0.5 / order))
    return found_hz
