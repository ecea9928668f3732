"""Hum that is known, in noise that is known."""

import numpy as np
import pytest

from roomcal.measure.hum import SweepTime, find_hum

FS = 48000
N = 12 * FS
SILENCES = (slice(2000, FS), slice(N - FS, N))
SWEEPS = [SweepTime(2.0, 10.0, 0.5), SweepTime(7.0, 10.0, 0.5)]
F_TOLERANCE_HZ = 0.002
# 20 dB in a bin of a second: the amplitude of a tone is known to a tenth of the noise in it.
LEFT_DB = -25.0


def hum(f_hz, *, wander_hz=0.0, rms=1e-2):
    t = np.arange(N) / FS
    phase = 2 * np.pi * (f_hz * t + wander_hz * t * (t - t[-1]) / t[-1])
    parts = [a * np.sin(k * phase + k) for k, a in ((1, 1.0), (2, 0.5), (3, 0.3))]
    return np.sqrt(2) * rms * sum(parts)


def noise(seed, rms=1e-4):
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(N))
    x = np.fft.irfft(spectrum / np.sqrt(np.maximum(np.fft.rfftfreq(N, 1 / FS), 10.0)), N)
    return rms * x / np.sqrt(np.mean(x**2))


@pytest.mark.parametrize(("f_hz", "wander_hz"), [(49.97, 0.0), (60.02, 0.0), (50.01, 0.01)])
def test_hum_is_found_and_subtracted_to_the_noise(f_hz, wander_hz):
    clean = hum(f_hz, wander_hz=wander_hz)
    x = clean + noise(1)

    found = find_hum(x, FS, silences=SILENCES, sweeps=SWEEPS)

    assert found is not None
    assert found.f_hz == pytest.approx(f_hz, abs=F_TOLERANCE_HZ)
    assert set(found.orders) >= {1, 2, 3}
    left_db = 10 * np.log10(np.mean((clean - found.signal) ** 2) / np.mean(clean**2))
    assert left_db < LEFT_DB


def test_hum_is_followed_through_a_sweep():
    t = np.arange(N) / FS
    clean = hum(50.03, rms=1e-3)
    x = clean + noise(2, rms=1e-5)
    for sweep in SWEEPS:
        inside = (t >= sweep.start_s) & (t < sweep.start_s + 3.5)
        into = t[inside] - sweep.start_s
        x[inside] += 0.05 * np.sin(2 * np.pi * 10.0 * 0.5 * np.exp(into / 0.5))

    found = find_hum(x, FS, silences=SILENCES, sweeps=SWEEPS)

    left_db = 10 * np.log10(np.mean((clean - found.signal) ** 2) / np.mean(clean**2))
    assert left_db < LEFT_DB


def test_noise_alone_is_no_hum():
    """Fifty seconds of pink noise: chance never looks like two tones."""
    found = [
        find_hum(noise(seed), FS, silences=(slice(k * FS, (k + 1) * FS),), sweeps=[])
        for seed in range(10, 15)
        for k in range(10)
    ]
    assert [h for h in found if h is not None] == []


def test_a_sine_that_is_no_mains_is_left_alone():
    x = noise(3) + 1e-2 * np.sin(2 * np.pi * 73.0 * np.arange(N) / FS)
    assert find_hum(x, FS, silences=SILENCES, sweeps=SWEEPS) is None
