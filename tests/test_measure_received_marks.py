"""What noise makes of the level of a timing mark, against many draws of noise."""

import numpy as np
import pytest
import scipy.signal

from roomcal.dsp.sweep_signal import mark_samples
from roomcal.measure.clock import fit_clock
from roomcal.measure.received_marks import received_marks

N_MARKS, N_DRAWS = 6, 40
# A standard deviation out of 240 numbers is good to 1 / sqrt(2 * 200) = 5 %, three times that.
RELATIVE = 0.15


def coloured(n, fs, rng):
    """Noise that falls by 3 dB an octave, like that of rooms."""
    f = np.fft.rfftfreq(n, 1 / fs)
    x = np.fft.irfft(np.fft.rfft(rng.standard_normal(n)) / np.sqrt(np.maximum(f, 10.0)), n)
    return x / np.std(x)


@pytest.mark.parametrize("fs", [48000, 96000])
@pytest.mark.parametrize("colour", ["white", "pink"])
def test_the_uncertainty_of_a_level_is_what_noise_makes_of_it(fs, colour):
    rng = np.random.default_rng(11)
    # A speaker that falls towards the treble: what is loud there counts, and not the rest.
    b, a = scipy.signal.butter(1, 3000, fs=fs)
    mark = scipy.signal.lfilter(b, a, mark_samples(fs, level_dbfs=-20.0))
    step, first = round(0.5 * fs), 2 * fs
    starts = first + step * np.arange(N_MARKS, dtype=float)
    clean = np.zeros(first + N_MARKS * step)
    for start in starts.astype(int):
        clean[start : start + mark.size] += mark
    noise_rms = 0.1 * np.sqrt(np.mean(mark**2))
    spread, told = [], []
    for _ in range(N_DRAWS):
        draw = rng.standard_normal(clean.size)
        if colour == "pink":
            draw = coloured(clean.size, fs, rng)
        x = clean + noise_rms * draw
        found = received_marks(x, fit_clock(starts, starts), fs, noise=x[: first - fs // 10])
        spread.append(np.var(found.level_db, ddof=1))
        told.append(found.uncertainty_db)

    assert np.mean(told) == pytest.approx(np.sqrt(np.mean(spread)), rel=RELATIVE)
