"""Decibels and frequency grids against the standards' numbers."""

import numpy as np
import pytest

from roomcal.units import (
    band_centres_hz,
    db_from_power,
    db_from_ratio,
    frequency_text,
    log_grid_hz,
    louder_text,
    nominal_hz,
    power_from_db,
    ratio_from_db,
    speed_of_sound_m_s,
)

# Nominal third-octave frequencies (ISO 266:1997, table 1), 20 Hz to 20 kHz.
ISO_266 = [
    *(20, 25, 31.5, 40, 50, 63, 80, 100, 125, 160, 200, 250, 315, 400, 500, 630, 800, 1000),
    *(1250, 1600, 2000, 2500, 3150, 4000, 5000, 6300, 8000, 10000, 12500, 16000, 20000),
]


def test_levels_and_ratios_are_inverse():
    assert db_from_ratio(10.0) == pytest.approx(20.0)
    assert db_from_power(10.0) == pytest.approx(10.0)
    level_db = np.linspace(-100, 100, 41)
    np.testing.assert_allclose(db_from_ratio(ratio_from_db(level_db)), level_db)
    np.testing.assert_allclose(db_from_power(power_from_db(level_db)), level_db)


def test_silence_has_a_finite_level():
    assert np.isfinite(db_from_ratio(0.0))
    assert np.isfinite(db_from_power(0.0))


def test_third_octaves_are_those_of_iso_266():
    exact = band_centres_hz(20, 20000, bands_per_octave=3)

    assert [nominal_hz(f) for f in exact] == ISO_266
    # IEC 61260-1, annex E: exact midband frequencies are powers of 10**(1/10).
    np.testing.assert_allclose(exact, 10 ** (np.arange(13, 44) / 10))


def test_octaves_are_every_third_of_them():
    exact = band_centres_hz(31, 16000, bands_per_octave=1)

    assert [nominal_hz(f) for f in exact] == ISO_266[2::3]


def test_a_grid_holds_both_ends_of_whole_octaves():
    f_hz = log_grid_hz(20.0, 640.0, 12)

    assert f_hz.size == 61
    assert f_hz[[0, -1]] == pytest.approx([20.0, 640.0])
    np.testing.assert_allclose(f_hz[12:] / f_hz[:-12], 2.0)


def test_frequencies_read_as_people_write_them():
    assert [frequency_text(f) for f in (31.5, 100.0, 999.9, 1258.9, 16000.0)] == [
        "31.5 Hz",
        "100 Hz",
        "1 kHz",
        "1.26 kHz",
        "16 kHz",
    ]


def test_the_speed_of_sound_at_room_temperature():
    """343.2 m/s at 20 degrees (ISO 9613-1: c = 343.2 sqrt(T / 293.15))."""
    assert speed_of_sound_m_s(20.0) == pytest.approx(343.2, abs=0.1)


@pytest.mark.parametrize(
    ("level_db", "text"),
    [(0.74, "0.7 dB louder"), (-0.66, "0.7 dB quieter"), (0.0, "0.0 dB louder")],
)
def test_a_difference_in_level_is_said_without_a_sign(level_db, text):
    assert louder_text(level_db) == text
