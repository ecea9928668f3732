"""Loudness of pink noise through filters: the standard's weighting, and a measured signal."""

import numpy as np
import pytest
from scipy.signal import oaconvolve, sosfilt

from roomcal.dsp.loudness import K_WEIGHTING, k_weighting_power, pink_loudness_db
from roomcal.dsp.pink_noise import pink_noise_period

FS = 48_000
# A sine of 997 Hz at full scale in one channel reads -3.01 LKFS (ITU-R BS.1770-5, annex 1): the
# weighting makes up for the constant of -0.691 dB.
STANDARD_DB = 0.691
STANDARD_TOLERANCE_DB = 0.01
ROUNDING_DB = 1e-6
# Over a whole period the noise has no statistical error; the edges of its band differ a little.
NOISE_TOLERANCE_DB = 0.05


def test_the_weighting_of_997_hz_is_that_of_the_standard():
    gain_db = 10 * np.log10(k_weighting_power(np.array([997.0]))[0])

    assert gain_db == pytest.approx(STANDARD_DB, abs=STANDARD_TOLERANCE_DB)


@pytest.mark.parametrize("fs", [44_100, 48_000, 96_000, 192_000])
def test_a_gain_is_that_loud(fs):
    taps = np.zeros((2, 2, 100))
    taps[[0, 1], [0, 1], 7] = 10 ** (-6 / 20)

    assert pink_loudness_db(taps, fs) == pytest.approx(-6.0, abs=ROUNDING_DB)


def test_two_outputs_with_the_same_sound_are_3_db_louder():
    taps = np.ones((2, 1, 1))

    assert pink_loudness_db(taps, FS) == pytest.approx(10 * np.log10(2), abs=ROUNDING_DB)


def test_a_filter_is_as_loud_as_weighted_pink_noise_through_it(rng):
    n = 20 * FS
    noise = pink_noise_period(n, FS, low_hz=22.0, high_hz=18_000.0, level_dbfs=-20.0, seed=1)
    h = rng.standard_normal(400) * np.exp(-np.arange(400) / 60)

    def weighted_db(x):
        return 10 * np.log10(np.mean(sosfilt(K_WEIGHTING, np.tile(x, 2))[n:] ** 2))

    filtered = oaconvolve(np.tile(noise, 2), h)[n : 2 * n]
    measured_db = weighted_db(filtered) - weighted_db(noise)

    computed_db = pink_loudness_db(h[None, None], FS)
    assert computed_db == pytest.approx(measured_db, abs=NOISE_TOLERANCE_DB)


def test_what_is_below_hearing_does_not_count():
    infrasonic = 1.0 + np.cos(2 * np.pi * 8 / FS * np.arange(FS)) / FS * 100  # 8 Hz, 34 dB up
    taps = np.zeros(FS)
    taps[0] = 1.0
    with_it = taps + infrasonic - 1.0

    difference = pink_loudness_db(with_it[None, None], FS) - pink_loudness_db(taps[None, None], FS)
    assert abs(difference) < 0.1
