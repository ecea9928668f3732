"""Level over time and frequency: modes fall at their rate, impulses are as long as their window."""

import numpy as np
import pytest

from roomcal.analyze.cumulative_decay import cumulative_decay
from roomcal.analyze.spectrograms import CYCLES, spectrogram, wavelet_spectrogram
from roomcal.model.impulse_response import ImpulseResponse

FS = 48000
BOTH = pytest.mark.parametrize("transform", [spectrogram, wavelet_spectrogram])
SLOPE_TOLERANCE = 0.02  # windows of a decaying exponential see all of it alike
ARRIVAL_S = 1e-4  # the envelope of 1-8 kHz rises through half so long before its peak
RESOLUTION_S = 0.002  # one step of the picture


def ringing(f_hz, t60_s, *, duration_s=1.0, start=2000, fs=FS):
    t = np.arange(round(duration_s * fs)) / fs
    h = 0.2 * np.exp(-3.0 * np.log(10.0) / t60_s * t) * np.sin(2.0 * np.pi * f_hz * t)
    h = np.concatenate([np.zeros(start), h])
    h[start] = 0.5
    return ImpulseResponse(h, fs, "L", "p1")


def impulse(*, n=FS, at=4000):
    h = np.zeros(n)
    h[at] = 1.0
    return ImpulseResponse(h, FS, "L", "p1")


@BOTH
@pytest.mark.parametrize("fs", [44100, 96000])
def test_a_tone_falls_60_db_in_its_decay_time_and_stands_at_its_frequency(transform, fs):
    found = transform(ringing(1000.0, 0.4, fs=fs))
    at = int(np.argmin(np.abs(found.f_hz - 1000.0)))
    late = (found.t_s > 0.03) & (found.t_s < 0.25)

    slope, _ = np.polyfit(found.t_s[late], found.level_db[late, at], 1)

    assert slope == pytest.approx(-60.0 / 0.4, rel=SLOPE_TOLERANCE)
    ridge = found.f_hz[np.argmax(found.level_db[np.argmin(np.abs(found.t_s - 0.1))])]
    assert ridge == pytest.approx(1000.0, rel=0.03)


@BOTH
def test_an_impulse_stands_at_time_0(transform):
    found = transform(impulse())

    for f_hz in (200.0, 1000.0, 10000.0):
        at = int(np.argmin(np.abs(found.f_hz - f_hz)))
        centre = found.t_s[np.argmax(found.level_db[:, at])]
        assert centre == pytest.approx(0.0, abs=RESOLUTION_S)
    assert found.level_db.max() == 0.0


@pytest.mark.parametrize("f_hz", [40.0, 80.0, 160.0])
def test_a_wavelet_is_as_many_cycles_long_as_it_says(f_hz):
    found = wavelet_spectrogram(impulse())
    at = int(np.argmin(np.abs(found.f_hz - f_hz)))
    f_hz = found.f_hz[at]

    level = found.level_db[:, at] - found.level_db[:, at].max()

    after = found.t_s >= 0.0
    half_s = float(np.interp(3.0103, -level[after], found.t_s[after]))
    assert half_s == pytest.approx(0.5 * CYCLES / f_hz, rel=0.02, abs=ARRIVAL_S)


@BOTH
def test_what_lies_after_the_end_is_nan(transform):
    found = transform(ringing(1000.0, 0.4, duration_s=0.2))
    at = int(np.argmin(np.abs(found.f_hz - 1000.0)))

    known = found.t_s[np.isfinite(found.level_db[:, at])]

    assert known[0] == found.t_s[0]
    assert 0.15 < known[-1] < 0.2


@BOTH
def test_silence_and_short_responses_raise_nothing(transform):
    transform(ImpulseResponse(np.zeros(4800), FS, "L", "p1"))
    transform(impulse(n=100, at=10))


def test_the_cumulative_decay_of_a_resonance_falls_at_its_rate():
    t60_s = 0.002  # has fallen by 90 dB where the slices end: their common end takes nothing
    found = cumulative_decay(ringing(3000.0, t60_s))
    at = int(np.argmin(np.abs(found.f_hz - 3000.0)))
    late = (found.t_s > 0.0004) & (found.t_s < 0.0014)

    slope, _ = np.polyfit(found.t_s[late], found.level_db[late, at], 1)

    assert slope == pytest.approx(-60.0 / t60_s, rel=0.05)  # a slice holds few cycles
    assert found.level_db[0].max() == 0.0


def test_the_cumulative_decay_of_an_impulse_is_over_at_once():
    found = cumulative_decay(impulse())

    gone = found.t_s > 0.0005
    assert found.level_db[gone].max() < -60.0
    assert np.abs(found.level_db[0]).max() < 0.5  # flat before
    cumulative_decay(impulse(n=100, at=10))
