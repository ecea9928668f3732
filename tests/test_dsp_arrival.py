import numpy as np
import pytest
from scipy.signal import butter, sosfilt

from roomcal.dsp.arrival import arrival_sample

FS = 48000
# The envelope is read by straight lines between samples, and its peak, which sets the threshold,
# at a sample: a band 10 kHz wide loses up to 3 % of its peak there, on a slope of 0.3 a sample.
FRACTION_TOLERANCE = 0.1


def pulse(at, n=8192):
    """Band-limited impulse at a fraction of a sample."""
    f = np.fft.rfftfreq(n)
    return np.fft.irfft(np.exp(-2j * np.pi * f * at), n)


def test_a_delay_moves_the_arrival_by_itself():
    first = arrival_sample(pulse(1000.0), FS)

    for delay in (1.0, 37.0, 0.25, 0.5):
        moved = arrival_sample(pulse(1000.0 + delay), FS)
        assert moved - first == pytest.approx(delay, abs=FRACTION_TOLERANCE)


def test_the_arrival_lies_within_a_tenth_of_a_millisecond_of_the_impulse():
    # The band around 1-8 kHz makes the envelope rise ahead of its centre, by about 1 / bandwidth.
    assert arrival_sample(pulse(2000.0), FS) == pytest.approx(2000.0, abs=1e-4 * FS)


def test_a_louder_reflection_does_not_hide_the_direct_sound():
    h = pulse(1000.0) + 1.6 * pulse(1300.0)

    # The threshold follows the louder one up the slope of the first: less than 0.1 ms.
    assert arrival_sample(h, FS) == pytest.approx(arrival_sample(pulse(1000.0), FS), abs=1e-4 * FS)


def test_level_and_polarity_do_not_matter():
    h = pulse(700.0)

    assert arrival_sample(-0.003 * h, FS) == pytest.approx(arrival_sample(h, FS), abs=1e-6)


def test_strong_bass_does_not_matter():
    t = np.arange(8192) / FS
    boom = np.where(t > 0.02, 3.0 * np.sin(2 * np.pi * 40.0 * (t - 0.02)), 0.0) * 0.1

    assert arrival_sample(pulse(1000.0) + boom, FS) == pytest.approx(1000.0, abs=1e-4 * FS)


def test_a_sub_is_found_by_what_it_plays():
    """Its energy rises over about a quarter of its slowest period: 10 ms."""
    impulse = np.zeros(FS)
    impulse[4800] = 1.0
    h = sosfilt(butter(4, [25, 80], "bandpass", fs=FS, output="sos"), impulse)

    assert 4800 <= arrival_sample(h, FS) < 4800 + 0.015 * FS


def test_silence_has_no_arrival_but_does_not_fail():
    assert arrival_sample(np.zeros(256), FS) == 0.0


def test_noise_in_the_treble_does_not_hide_a_sub(rng):
    """A sub measured with a short sweep carries noise where a full-range speaker has its sound."""
    impulse = np.zeros(FS)
    impulse[4800] = 1.0
    h = sosfilt(butter(4, [25, 80], "bandpass", fs=FS, output="sos"), impulse)
    hiss = rng.standard_normal(FS)
    # Energy of the hiss: 24 dB below the sub's, 34 dB in the band where direct sounds are sought.
    hiss *= 10 ** (-24 / 20) * np.sqrt(np.sum(h**2) / np.sum(hiss**2))

    # The sub's energy lasts a twentieth of the second, so the hiss is 37 dB below its height; twice
    # that on a slope of half the height in 5 ms is 0.3 ms.
    assert arrival_sample(h + hiss, FS) == pytest.approx(arrival_sample(h, FS), abs=0.5e-3 * FS)
