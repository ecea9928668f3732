"""Deconvolve twice: the first response tells how much noise the bass can bear."""

import numpy as np

from roomcal.dsp.deconvolution import LOWEST_HZ, deconvolve
from roomcal.measure.snr import band_snr
from roomcal.model.impulse_response import BandSnr
from roomcal.units import FloatArray

# With this signal-to-noise ratio in its lowest bands, a response is regularised like that: the
# noisy edge costs 0.01 dB at 20 Hz without noise, the quiet one 0.02 dB rms at SNR 40.
_SNR_DB = (40.0, 80.0)
_LOW_HZ = (18.0, LOWEST_HZ)
_OUTSIDE_DB = (-20.0, -70.0)
_LOWEST_BANDS = 2


def deconvolve_for_noise(
    recording: FloatArray,
    stimulus: FloatArray,
    fs: int,
    *,
    noise: FloatArray,
    repeats: int,
    start_sample: int,
    pre_samples: int,
    n_samples: int,
) -> tuple[FloatArray, BandSnr]:
    """Impulse response with the low edge that the noise of the recording asks for.

    Parameters
    ----------
    recording, stimulus, start_sample, pre_samples, n_samples
        See `deconvolve`.
    fs : int
    noise : (n_noise,) float array
        Recorded while nothing played.
    repeats : int
        Takes that `recording` is the mean of.

    Returns
    -------
    h : (n_samples,) float array
    snr : BandSnr
    """

    def response(low_hz: float, outside_db: float) -> FloatArray:
        return deconvolve(
            recording,
            stimulus,
            fs,
            low_hz=low_hz,
            outside_db=outside_db,
            start_sample=start_sample,
            pre_samples=pre_samples,
            n_samples=n_samples,
        )

    h = response(_LOW_HZ[1], _OUTSIDE_DB[1])
    snr = band_snr(h, noise, stimulus, fs, repeats=repeats)
    bass_db = float(np.min(snr.snr_db[:_LOWEST_BANDS]))
    if not bass_db < _SNR_DB[1]:
        return h, snr
    low_hz = float(np.interp(bass_db, _SNR_DB, _LOW_HZ))
    return response(low_hz, float(np.interp(bass_db, _SNR_DB, _OUTSIDE_DB))), snr
