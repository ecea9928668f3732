"""What a microphone adds to the sound by itself, after its calibration."""

import numpy as np

from roomcal.model.curve import Curve
from roomcal.units import FloatArray

# A calibration that asks for more than this is wrong, or says that the microphone is deaf there.
MAX_CORRECTION_DB = 20.0


def microphone_db(calibration: Curve, f_hz: FloatArray) -> FloatArray:
    """Level that a microphone adds, in dB, as far as its calibration is believed.

    Parameters
    ----------
    calibration : Curve
        Level that the microphone shows in a flat sound field.
    f_hz : (n,) float array
    """
    return np.clip(calibration.level_at(f_hz), -MAX_CORRECTION_DB, MAX_CORRECTION_DB)
