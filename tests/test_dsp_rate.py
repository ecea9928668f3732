"""A response at another rate has the same transfer function below both Nyquist frequencies."""

import numpy as np
import pytest

from roomcal.dsp.rate import at_rate

# The response is band limited 10 dB above this; what remains is its own stop band.
TRANSFER_TOLERANCE = 1e-6


def transfer(h, fs, f):
    """Discrete-time Fourier transform by its definition."""
    return np.exp(-2j * np.pi * np.outer(f, np.arange(h.size)) / fs) @ h


def smooth_response(fs):
    """Gaussian bursts far below every Nyquist frequency that is tried."""
    t = np.arange(round(0.03 * fs)) / fs
    return sum(
        a * np.exp(-0.5 * ((t - at) / 0.0004) ** 2) * np.cos(2 * np.pi * f * (t - at))
        for a, at, f in [(1.0, 0.006, 300.0), (-0.5, 0.011, 2500.0), (0.3, 0.017, 5000.0)]
    )


@pytest.mark.parametrize(
    ("fs", "new_fs"), [(48000, 44100), (44100, 96000), (96000, 48000), (48000, 192000)]
)
def test_the_transfer_function_survives_a_change_of_rate(fs, new_fs):
    h = smooth_response(fs)
    f = np.linspace(100.0, 7000.0, 40)

    new = at_rate(h, fs, new_fs)

    assert abs(new.size - h.size * new_fs / fs) <= 1
    error = transfer(new, new_fs, f) - transfer(h, fs, f)
    assert np.abs(error).max() < TRANSFER_TOLERANCE * np.abs(transfer(h, fs, f)).max()


def test_the_same_rate_changes_nothing(rng):
    h = rng.standard_normal(10)

    assert at_rate(h, 48000, 48000) is h
