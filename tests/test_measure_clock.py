import numpy as np
import pytest

from roomcal.measure.clock import fit_clock

STARTS = np.array([48000.0, 400000.0, 800000.0, 1200000.0])


def test_a_straight_line_gives_slope_offset_and_no_residual():
    clock = fit_clock(STARTS, 123.25 + (1 + 45e-6) * STARTS)

    assert clock.slope_ppm == pytest.approx(45.0, abs=1e-6)
    assert clock.offset_samples == pytest.approx(123.25, abs=1e-6)
    assert clock.residual_samples == pytest.approx(0.0, abs=1e-8)
    assert clock.needs_correction
    assert clock.recorded_at(600000.0) == pytest.approx(123.25 + 600027.0)


def test_a_step_shows_in_the_deviations():
    clock = fit_clock(STARTS, STARTS + np.array([0.0, 0.0, -1.0, -1.0]))

    # NumPy's own line through the same points.
    slope, offset = np.polyfit(STARTS, [0.0, 0.0, -1.0, -1.0], 1)
    expected = np.array([0.0, 0.0, -1.0, -1.0]) - offset - slope * STARTS
    np.testing.assert_allclose(clock.deviations_samples, expected, atol=1e-9)
    assert clock.residual_samples == pytest.approx(np.abs(expected).max())


def test_a_slope_within_the_uncertainty_moves_nothing():
    clock = fit_clock(STARTS, 10.0 + (1 + 0.02e-6) * STARTS)

    assert not clock.needs_correction
    assert clock.recorded_at(700000.0) - clock.recorded_at(100000.0) == pytest.approx(600000.0)


def test_one_mark_is_no_line():
    with pytest.raises(ValueError, match="two marks"):
        fit_clock(STARTS[:1], STARTS[:1])
