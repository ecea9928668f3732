"""A step response is the sum of the impulse response."""

import numpy as np
import pytest
from scipy.signal import butter, cont2discrete, lfilter, sosfilt

from roomcal.analyze.step import step_response
from roomcal.model.impulse_response import ImpulseResponse

FS = 48000
TOLERANCE = 2e-3  # a first-order filter at 48 kHz against the analogue one


def test_a_high_pass_of_first_order_falls_with_its_time_constant():
    """1 - H is a low-pass: the step of the high-pass falls as exp(-2 pi f t)."""
    f0 = 50.0
    b, a, _ = cont2discrete(([1.0, 0.0], [1.0, 2.0 * np.pi * f0]), 1.0 / FS, method="bilinear")
    h = np.zeros(FS // 2)
    h[1000] = 1.0

    step = step_response(
        ImpulseResponse(lfilter(b[0], a, h), FS, "L", "p1"), first_s=0.0005, last_s=0.02
    )

    expected = np.exp(-2.0 * np.pi * f0 * step.t_s)
    assert step.value[0] == 1.0  # the largest of what is shown
    assert step.value == pytest.approx(expected / expected[0], abs=TOLERANCE)


def test_the_step_is_shown_re_its_peak_with_its_sign():
    sos = butter(2, [30.0, 15000.0], "bandpass", fs=FS, output="sos")
    h = np.zeros(FS // 2)
    h[1000] = -0.2

    step = step_response(
        ImpulseResponse(sosfilt(sos, h), FS, "L", "p1"), first_s=-0.002, last_s=0.01
    )

    assert step.value.min() == pytest.approx(-1.0)
    assert step.t_s[0] == pytest.approx(-0.002, abs=1 / FS)
    before = step.t_s < -0.0005
    assert np.abs(step.value[before]).max() < 1e-6


def test_a_silent_response_stays_silent():
    step = step_response(ImpulseResponse(np.zeros(4800), FS, "L", "p1"), first_s=0.0, last_s=0.01)

    assert not step.value.any()
