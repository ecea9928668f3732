"""Noise of known spectra against the tables of the curves."""

import numpy as np
import pytest

from roomcal.analyze.noise import BANDS_HZ, analyze_noise, rate
from roomcal.dsp.weighting import weighting_db
from roomcal.files.standards_data import load_standards
from roomcal.model.curve import Curve
from roomcal.units import nominal_hz

FS = 48000
NC, NR = load_standards().noise
# One octave of noise, 1 s: its level spreads by 4.3 / sqrt(B T) dB, 0.9 dB at 31.5 Hz.
OCTAVE_TOLERANCE_DB = 3.0


def levels_of(curves, row):
    own = dict(zip(curves.bands_hz, curves.levels_db_spl[row], strict=True))
    return np.array([own.get(nominal_hz(f), -20.0) for f in BANDS_HZ])


@pytest.mark.parametrize("curves", [NC, NR], ids=lambda c: c.name)
def test_every_curve_has_its_own_rating(curves):
    for row, rating in enumerate(curves.ratings):
        assert rate(BANDS_HZ, levels_of(curves, row), curves).rating == pytest.approx(rating)


@pytest.mark.parametrize("curves", [NC, NR], ids=lambda c: c.name)
def test_the_loudest_octave_decides(curves):
    level = levels_of(curves, 2)
    k = [nominal_hz(f) for f in BANDS_HZ].index(500.0)
    row = dict(zip(curves.bands_hz, curves.levels_db_spl[3], strict=True))
    level[k] = row[500.0]

    found = rate(BANDS_HZ, level, curves)

    assert found.rating == pytest.approx(curves.ratings[3])
    assert found.band_hz == 500.0


def test_the_nr_curves_are_their_formula():
    """NR 30 at 1 kHz is 30 dB: a = 0, b = 1; at 63 Hz 35.5 + 0.79 x 30 = 59.2 dB."""
    row = dict(zip(NR.bands_hz, NR.levels_db_spl[NR.ratings.index(30.0)], strict=True))

    assert row[1000.0] == 30.0
    assert row[63.0] == pytest.approx(59.2)


@pytest.mark.parametrize("curves", [NC, NR], ids=lambda c: c.name)
def test_the_curves_rise_with_their_rating_and_fall_with_frequency(curves):
    table = np.array(curves.levels_db_spl)

    assert np.all(np.diff(table, axis=0) > 0.0)
    assert np.all(np.diff(table, axis=1) <= 0.0)
    assert "http" in curves.source or len(curves.source) > 40
    assert curves.checked in ("text", "quoted", "memory")


def test_beyond_the_curves_there_is_no_number_but_a_reason():
    quiet = rate(BANDS_HZ, np.full(BANDS_HZ.size, -10.0), NC)
    loud = rate(BANDS_HZ, np.full(BANDS_HZ.size, 120.0), NC)

    assert np.isnan(quiet.rating)
    assert quiet.reason == "quieter than NC 15"
    assert np.isnan(loud.rating)
    assert loud.reason == "louder than NC 70"


def tone(f_hz, rms):
    return rms * np.sqrt(2.0) * np.sin(2.0 * np.pi * f_hz * np.arange(FS) / FS)


def test_a_tone_has_its_level_in_its_octave_and_its_weighting():
    found = analyze_noise([tone(1000.0, 1e-3)], FS, [NC, NR], full_scale_db_spl=120.0)

    k = int(np.argmin(np.abs(BANDS_HZ - 1000.0)))
    assert found.level_db_spl[k] == pytest.approx(60.0, abs=0.01)
    assert found.a_db_spl == pytest.approx(60.0, abs=0.01)
    low = analyze_noise([tone(100.0, 1e-3)], FS, [NC, NR], full_scale_db_spl=120.0)
    expected = 60.0 + float(weighting_db(np.array([100.0]), "A")[0])
    assert low.a_db_spl == pytest.approx(expected, abs=0.05)


def test_octaves_of_white_noise_rise_by_three_decibels(rng):
    """Power of an octave: its width over half the sample rate."""
    found = analyze_noise([1e-3 * rng.standard_normal(FS)], FS, [NC], full_scale_db_spl=None)

    edges = 10.0**0.15
    width = BANDS_HZ * (edges - 1.0 / edges)
    expected = -60.0 + 10.0 * np.log10(width / (FS / 2.0))
    assert found.level_dbfs == pytest.approx(expected, abs=OCTAVE_TOLERANCE_DB)


def test_without_a_known_sound_pressure_nothing_is_rated():
    found = analyze_noise([tone(1000.0, 1e-3)], FS, [NC, NR], full_scale_db_spl=None)

    assert np.isnan(found.a_db_spl)
    assert np.isnan(found.level_db_spl).all()
    assert all(np.isnan(r.rating) and "not known" in r.reason for r in found.ratings)
    assert found.sensitivity == "unknown"


def test_an_estimate_says_so():
    found = analyze_noise([tone(1000.0, 1e-3)], FS, [NC], full_scale_db_spl=120.0, estimated=True)

    assert found.sensitivity == "estimated"
    assert "estimate" in found.reason


def test_the_microphones_own_response_is_no_noise_of_the_room():
    """A microphone that shows 100 Hz 6 dB too high: the noise is 6 dB lower, in dB SPL alone."""
    own = Curve(np.array([90.0, 110.0, 500.0, 20000.0]), np.array([6.0, 6.0, 0.0, 0.0]))
    x = tone(100.0, 1e-3)

    plain = analyze_noise([x], FS, [NC], full_scale_db_spl=120.0)
    found = analyze_noise([x], FS, [NC], full_scale_db_spl=120.0, calibration=own)

    k = int(np.argmin(np.abs(BANDS_HZ - 125.0)))
    assert found.level_db_spl[k] == pytest.approx(plain.level_db_spl[k] - 6.0, abs=0.01)
    assert found.a_db_spl == pytest.approx(plain.a_db_spl - 6.0, abs=0.01)
    np.testing.assert_array_equal(found.level_dbfs, plain.level_dbfs)
