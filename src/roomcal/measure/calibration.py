"""Take the microphone's own response out of an impulse response."""

import numpy as np
import scipy.fft

from roomcal.dsp.microphone import microphone_db
from roomcal.dsp.minimum_phase import minimum_phase_spectrum
from roomcal.model.curve import Curve
from roomcal.units import FloatArray, ratio_from_db

_CEPSTRUM_LENGTHS = 4  # the correction's cepstrum needs room: FFT re the response's length


def without_microphone(
    h: FloatArray, fs: int, calibration: Curve, *, low_hz: float, high_hz: float
) -> FloatArray:
    """Divide an impulse response by that of the microphone.

    Parameters
    ----------
    h : (n_samples,) float array
    fs : int
    calibration : Curve
        Level that the microphone shows in a flat sound field: it is subtracted. Its phase, if it
        has one, is not used.
    low_hz, high_hz : float
        What was measured; the correction is held flat beyond, so that no noise is lifted there.

    Returns
    -------
    h : (n_samples,) float array

    Notes
    -----
    A pressure microphone is a minimum-phase system within the audio band, so its inverse is taken
    as minimum phase too: causal, and with the phase that belongs to the level.
    """
    n_fft = scipy.fft.next_fast_len(_CEPSTRUM_LENGTHS * h.size, real=True)
    n_fft += n_fft % 2
    f = np.clip(scipy.fft.rfftfreq(n_fft, 1.0 / fs), low_hz, high_hz)
    correction = minimum_phase_spectrum(ratio_from_db(-microphone_db(calibration, f)))
    return np.asarray(scipy.fft.irfft(scipy.fft.rfft(h, n_fft) * correction, n_fft)[: h.size])
