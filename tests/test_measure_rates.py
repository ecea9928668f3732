"""Recordings at another rate than they say."""

import numpy as np
import pytest
import scipy.signal

from roomcal.measure.plan import plan_take, render_take
from roomcal.measure.rates import stretched_clock
from roomcal.model.sweep import Sweep

FS = 48000
PLAN = plan_take(Sweep(fs=FS, length_s=1.0), repeats=3, reverberation_s=0.5)
RATIO_TOLERANCE = 2e-4


def recorded(actual):
    marks, sweeps = render_take(PLAN, same_speaker=True)
    x = np.pad(marks + sweeps, (1000, 0))
    common = np.gcd(actual, FS)
    y = scipy.signal.resample_poly(x, actual // common, FS // common)[: PLAN.n_samples]
    return np.pad(y, (0, PLAN.n_samples - y.size))


@pytest.mark.parametrize("actual", [32000, 44100, 48000, 96000])
def test_the_actual_rate_is_found(actual):
    clock = stretched_clock(recorded(actual), PLAN)
    assert clock is not None
    assert clock.ratio == pytest.approx(actual / FS, rel=RATIO_TOLERANCE)


def test_noise_has_no_rate(rng):
    assert stretched_clock(0.01 * rng.standard_normal(PLAN.n_samples), PLAN) is None
