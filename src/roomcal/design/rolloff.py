"""How low a speaker plays: the bottom of its own range, told apart from dips and noise."""

from dataclasses import dataclass

import numpy as np

from roomcal.dsp.smoothing import smoothed_power
from roomcal.units import FloatArray, db_from_power, frequency_text, log_grid_hz

# Third-octave levels: wide enough that a single mode does not decide, and looked at from well
# below hearing, because a roll-off goes on downwards and a dip ends.
_SMOOTHING = 3
_GRID_HZ = log_grid_hz(10.0, 1000.0, 24)
_PLATEAU_HZ = (100.0, 1000.0)  # small monitors are flat from here; the median ignores modes
CORNER_DEPTH_DB = 6.0  # the corner: nothing at or below it comes nearer to the plateau
_HIGHEST_CORNER_HZ = 250.0  # above, it is no roll-off but another kind of speaker


@dataclass(frozen=True, eq=False)
class RollOff:
    """The bottom of a speaker's range with its evidence.

    Attributes
    ----------
    corner_hz : float
        The speaker is 6 dB down here and never comes nearer to its plateau below.
    f_hz, level_db : (n,) float array
        The highest third-octave level at or below each frequency, re the plateau: what the
        speaker can do at its best position in frequency. Never falls with frequency, at most 0.
    """

    corner_hz: float
    f_hz: FloatArray
    level_db: FloatArray

    def level_at(self, f_hz: FloatArray) -> FloatArray:
        """Level re the plateau that the speaker reaches at or below each frequency."""
        return np.interp(np.log(f_hz), np.log(self.f_hz), self.level_db)

    @property
    def text(self) -> str:
        """Say what was found."""
        octave_down = float(self.level_at(np.array([self.corner_hz / 2.0]))[0])
        return (
            f"the speaker itself rolls off below {frequency_text(self.corner_hz)} "
            f"({CORNER_DEPTH_DB:.0f} dB down there, {-octave_down:.0f} dB an octave lower): no "
            "boost below"
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
    return RollOff(corner_hz, f, np.minimum(envelope_db, 0.0))
