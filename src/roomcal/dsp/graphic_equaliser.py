"""The filter of a graphic equaliser: the level at any frequencies, with the least phase."""

import numpy as np

from roomcal.dsp.minimum_phase import minimum_phase_spectrum
from roomcal.model.curve import Curve
from roomcal.units import FloatArray, ratio_from_db

_LENGTH_AT_48K = 16384  # Equalizer APO's own length, which it uses at every rate
_FADE_SHARE = 0.5  # of the length, at its end
_OVERSAMPLED = 4


def graphic_taps(curve: Curve, fs: int) -> FloatArray:
    """Return the taps for a level over frequency, straight between points over log frequency.

    Parameters
    ----------
    curve : Curve
        Held flat beyond its ends.
    fs : int
    """
    n = _LENGTH_AT_48K * (1 << max(0, int(np.ceil(np.log2(fs / 48000.0)))))
    n_fft = _OVERSAMPLED * n
    f = np.arange(n_fft // 2 + 1) * (fs / n_fft)
    spectrum = minimum_phase_spectrum(ratio_from_db(curve.level_at(f)))
    h = np.fft.irfft(spectrum, n_fft)[:n]
    n_fade = int(_FADE_SHARE * n)
    h[-n_fade:] *= 0.5 + 0.5 * np.cos(np.pi * np.arange(n_fade) / n_fade)
    return h
