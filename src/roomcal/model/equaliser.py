"""A correction as the equaliser of a device is set: bands, gain, delay and polarity a channel."""

from dataclasses import dataclass

import numpy as np

from roomcal.model.arrays import frozen_array
from roomcal.model.biquad import Biquad
from roomcal.units import FloatArray


@dataclass(frozen=True, eq=False)
class ChannelSettings:
    """What one channel of a device is set to.

    Attributes
    ----------
    biquads : tuple of Biquad
    gain_db : float
        Of the channel, the headroom included.
    delay_s : float
        Against the earliest channel.
    fir : (n_taps,) float array
        Behind the bands, without the gain; empty where there is none.
    is_exact : bool
        Bands and FIR are what the taps contain; otherwise the bands are the nearest ones.
    left_rms_db : float
        What they leave of the level from 20 Hz to 16 kHz.
    left_worst_db, left_worst_hz : float
    """

    name: str
    biquads: tuple[Biquad, ...]
    gain_db: float
    delay_s: float
    inverted: bool
    fir: FloatArray
    is_exact: bool
    left_rms_db: float
    left_worst_db: float
    left_worst_hz: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "fir", frozen_array(np.asarray(self.fir), ndim=1, name="fir"))
