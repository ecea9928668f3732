"""The measurement microphone: nearly flat, and the residue is known."""

from dataclasses import dataclass

import numpy as np

from roomcal.devices.virtual.speaker import (
    Peak,
    butterworth_highpass,
    butterworth_lowpass,
    peaking,
)
from roomcal.model.curve import Curve
from roomcal.units import ComplexArray, FloatArray, db_from_ratio, log_grid_hz


@dataclass(frozen=True)
class MicrophoneModel:
    """A half-inch electret capsule."""

    highpass_hz: float = 4.0  # 0: flat from 0 Hz
    lowpass_hz: float = 34000.0
    peaks: tuple[Peak, ...] = (Peak(11000.0, 1.2, 1.0),)


FLAT_MICROPHONE = MicrophoneModel(highpass_hz=0.0, lowpass_hz=1e9, peaks=())


def microphone_spectrum(microphone: MicrophoneModel, f_hz: FloatArray) -> ComplexArray:
    """Response of the microphone, (n,)."""
    H = butterworth_lowpass(f_hz, microphone.lowpass_hz, 2)
    if microphone.highpass_hz > 0.0:
        H *= butterworth_highpass(f_hz, microphone.highpass_hz, 2)
    for peak in microphone.peaks:
        H *= peaking(f_hz, peak)
    return H


def calibration_curve(microphone: MicrophoneModel) -> Curve:
    """Return the calibration that comes with the microphone: its level re 1 kHz."""
    f_hz = log_grid_hz(10.0, 20480.0, 24)
    level_db = db_from_ratio(microphone_spectrum(microphone, f_hz))
    level_db -= db_from_ratio(microphone_spectrum(microphone, np.array([1000.0])))
    return Curve(f_hz, level_db, name="virtual microphone")
