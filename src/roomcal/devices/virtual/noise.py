"""What the microphone hears without any help: ventilation, traffic, mains."""

import numpy as np
import scipy.fft

from roomcal.units import FloatArray, ratio_from_db

_PINK_FROM_HZ = 30.0  # flat below: nobody's room roars at 0 Hz
# Levels of the harmonics of the mains re the fundamental, as transformers and dimmers give them.
_HUM_HARMONICS_DB = (0.0, -4.0, -9.0, -14.0, -15.0, -20.0, -22.0)


def pink_noise(n: int, fs: int, level_dbfs: float, *, rng: np.random.Generator) -> FloatArray:
    """Noise whose power falls by 3 dB per octave, (n,); `level_dbfs` is its rms."""
    n_fft = scipy.fft.next_fast_len(n, real=True)
    f = np.fft.rfftfreq(n_fft, 1.0 / fs)
    shape = 1.0 / np.sqrt(np.maximum(f, _PINK_FROM_HZ))
    shape /= np.sqrt(np.mean(shape**2))
    white = scipy.fft.rfft(rng.standard_normal(n_fft))
    noise = scipy.fft.irfft(white * shape, n_fft)[:n]
    return np.asarray(float(ratio_from_db(level_dbfs)) * noise)


def mains_hum(
    n: int, fs: int, level_dbfs: float, *, f_hz: float, rng: np.random.Generator
) -> FloatArray:
    """Hum with its harmonics at random phases, (n,); `level_dbfs` is the fundamental's rms."""
    t = np.arange(n) / fs
    hum = np.zeros(n)
    for order, relative_db in enumerate(_HUM_HARMONICS_DB, start=1):
        amplitude = np.sqrt(2.0) * float(ratio_from_db(level_dbfs + relative_db))
        hum += amplitude * np.sin(2.0 * np.pi * order * f_hz * t + rng.uniform(0.0, 2.0 * np.pi))
    return hum
