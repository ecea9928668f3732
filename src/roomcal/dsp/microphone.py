"""What a microphone adds to the sound by itself, after its calibration."""

import dataclasses

import numpy as np

from roomcal.model.curve import Curve
from roomcal.units import FloatArray

# A calibration that asks for more than this is wrong, or says that the microphone is deaf there.
MAX_CORRECTION_DB = 20.0
_REFERENCE_HZ = 1000.0


def re_1_khz(calibration: Curve) -> Curve:
    """Return a calibration that is 0 dB at 1 kHz: an offset is a matter of the sensitivity."""
    level_db = calibration.level_db - float(calibration.level_at(_REFERENCE_HZ))
    return dataclasses.replace(calibration, level_db=level_db)


def microphone_db(calibration: Curve, f_hz: FloatArray) -> FloatArray:
    """Level that a microphone adds, in dB, as far as its calibration is believed.

    Parameters
    ----------
    calibration : Curve
        Level that the microphone shows in a flat sound field.
    f_hz : (n,) float array
    """
    return np.clip(calibration.level_at(f_hz), -MAX_CORRECTION_DB, MAX_CORRECTION_DB)
