"""Weightings against the table of the standard, and levels against their definition."""

import numpy as np
import pytest

from roomcal.dsp.pink_noise import pink_noise_period
from roomcal.dsp.weighting import weighted_level_db, weighting_db

# IEC 61672-1:2013, table 3: nominal frequency, A and C in dB (rounded to a tenth).
TABLE = [
    (10, -70.4, -14.3),
    (12.5, -63.4, -11.2),
    (16, -56.7, -8.5),
    (20, -50.5, -6.2),
    (25, -44.7, -4.4),
    (31.5, -39.4, -3.0),
    (40, -34.6, -2.0),
    (50, -30.2, -1.3),
    (63, -26.2, -0.8),
    (80, -22.5, -0.5),
    (100, -19.1, -0.3),
    (125, -16.1, -0.2),
    (160, -13.4, -0.1),
    (200, -10.9, 0.0),
    (250, -8.6, 0.0),
    (315, -6.6, 0.0),
    (400, -4.8, 0.0),
    (500, -3.2, 0.0),
    (630, -1.9, 0.0),
    (800, -0.8, 0.0),
    (1000, 0.0, 0.0),
    (1250, 0.6, 0.0),
    (1600, 1.0, -0.1),
    (2000, 1.2, -0.2),
    (2500, 1.3, -0.3),
    (3150, 1.2, -0.5),
    (4000, 1.0, -0.8),
    (5000, 0.5, -1.3),
    (6300, -0.1, -2.0),
    (8000, -1.1, -3.0),
    (10000, -2.5, -4.4),
    (12500, -4.3, -6.2),
    (16000, -6.6, -8.5),
    (20000, -9.3, -11.2),
]
# The table holds one decimal, and the last digit of its own rounding.
TABLE_TOLERANCE_DB = 0.05 + 1e-3
# Sums over bins are exact; what is left is rounding.
LEVEL_TOLERANCE_DB = 1e-6


@pytest.mark.parametrize(("weighting", "column"), [("A", 1), ("C", 2)])
def test_weightings_equal_the_table_of_the_standard(weighting, column):
    # The table is made for the exact frequencies of the base-ten system.
    f_hz = np.array([1000.0 * 10.0 ** (round(10 * np.log10(row[0] / 1000)) / 10) for row in TABLE])

    found = weighting_db(f_hz, weighting)

    assert np.abs(found - [row[column] for row in TABLE]).max() <= TABLE_TOLERANCE_DB


@pytest.mark.parametrize("weighting", ["A", "C"])
@pytest.mark.parametrize("f_hz", [100.0, 1000.0, 8000.0])
def test_a_sine_has_the_level_of_its_weighting(weighting, f_hz):
    fs = 48000
    x = 0.1 * np.sin(2 * np.pi * f_hz * np.arange(fs) / fs)

    expected_db = -20.0 - 10 * np.log10(2) + weighting_db(np.array([f_hz]), weighting)[0]
    assert weighted_level_db(x, fs, weighting) == pytest.approx(expected_db, abs=LEVEL_TOLERANCE_DB)


def test_pink_noise_has_its_level_and_equal_energy_in_every_octave():
    fs, n = 48000, 1 << 16
    x = pink_noise_period(n, fs, low_hz=500.0, high_hz=4000.0, level_dbfs=-26.0, seed=1)

    power = np.abs(np.fft.rfft(x)) ** 2
    f = np.fft.rfftfreq(n, 1 / fs)
    octaves = [power[(f >= low) & (f < 2 * low)].sum() for low in (500, 1000, 2000)]
    # A sum over 683 and more bins of 1/f stands for the integral ln 2 to one part in their number.
    assert octaves == pytest.approx([octaves[0]] * 3, rel=2e-3)
    assert power[(f < 440) | (f > 4500)].sum() < 1e-12 * power.sum()
    assert 10 * np.log10(np.mean(x**2)) == pytest.approx(-26.0, abs=LEVEL_TOLERANCE_DB)


def test_pink_noise_is_the_same_for_the_same_seed_only():
    def make(seed):
        return pink_noise_period(4096, 48000, low_hz=500, high_hz=2000, level_dbfs=-20, seed=seed)

    assert np.array_equal(make(1), make(1))
    assert not np.array_equal(make(1), make(2))
