"""Named targets keep what their sources say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from roomcal.design.targets import TARGETS, target_curve
from roomcal.errors import InputError

ROUNDING_DB = 0.06  # the tables are rounded to 0.1 dB
EXACT_DB = 0.02


def shelf_db(f, f0, gain_db, *, sign):
    """Second-order shelf by the analog prototype of the Audio EQ Cookbook, Q = 0.707."""
    a, s = 10 ** (gain_db / 40), (1j * f / f0) ** sign
    upper = a * (s**2 + np.sqrt(2 * a) * s + a)
    lower = a * s**2 + np.sqrt(2 * a) * s + 1
    return 20 * np.log10(np.abs(upper / lower))


def test_every_target_says_what_it_is_and_where_it_comes_from():
    for name, target in TARGETS.items():
        assert target.name == name == target.curve.name
        assert target.description
        assert target.source


@given(st.floats(20.0, 20000.0))
def test_flat_is_flat(f):
    assert target_curve("flat").level_at(f) == 0.0


def test_tilt_falls_by_half_a_decibel_per_octave():
    f = 20.0 * 2.0 ** np.arange(0, 9.9, 0.5)

    slope = np.diff(target_curve("tilt").level_at(f)) / 0.5

    np.testing.assert_allclose(slope, -0.5, atol=EXACT_DB)


def test_bk_is_flat_in_the_bass_and_six_decibels_down_at_20_khz():
    curve = target_curve("bk")

    np.testing.assert_allclose(curve.level_at([20, 100, 200, 2000, 20000]), [0, 0, 0, -3, -6])


def test_harman_is_its_two_shelves():
    f = target_curve("harman").f_hz

    wanted = shelf_db(f, 105.0, 6.6, sign=1) + shelf_db(f, 2500.0, -2.4, sign=-1)

    np.testing.assert_allclose(target_curve("harman").level_db, wanted, atol=ROUNDING_DB)


def test_an_unknown_target_names_the_known_ones():
    with pytest.raises(InputError, match="no target named 'loud'") as error:
        target_curve("loud")
    assert error.value.fault == "RC-309"
    assert "harman" in error.value.hint
