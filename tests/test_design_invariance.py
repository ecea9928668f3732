"""What a design does not depend on: gain, delay and order of positions, and one measured twice."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.signal as sg
from hypothesis import given, settings
from hypothesis import strategies as st

from roomcal.design.align import align
from roomcal.design.design import design
from roomcal.design.speaker_filter import speaker_filter
from roomcal.design.targets import target_curve
from roomcal.model.design_spec import DesignSpec
from roomcal.model.impulse_response import ImpulseResponse

FS = 48000
N_TAPS = 16384
SPEC = DesignSpec(taps=N_TAPS)
# Rounding of gains and of sums in another order, through a few hundred FFTs and a solution of
# linear equations whose condition is below 1e6; re the peak.
SAME_FILTER = 1e-7
EXACT = 1e-12


def room(seed):
    """Direct sound, diffuse tail and two modes that all positions share."""
    rng = np.random.default_rng(seed)
    t = np.arange(FS) / FS
    x = 0.02 * rng.standard_normal(FS) * np.exp(-t / 0.05)
    x[0] = 1.0
    for f0 in (43.0, 88.0):
        x += 0.006 * rng.uniform(0.5, 1.5) * np.sin(2 * np.pi * f0 * t) * 10 ** (-3 * t / 0.9)
    return sg.sosfilt(sg.butter(2, 30.0, "high", fs=FS, output="sos"), x)


ROOMS = [room(k) for k in range(4)]


def taps_of(samples, names, spec=SPEC):
    """Taps for the first name as the main position."""
    responses = [ImpulseResponse(x, FS, "L", n) for x, n in zip(samples, names, strict=True)]
    return design(responses, target_curve("flat"), spec, name="x", fs=FS).filters.taps[0, 0]


@pytest.fixture(scope="module")
def plain():
    return taps_of([np.r_[np.zeros(960), x] for x in ROOMS], ["p1", "p2", "p3", "p4"])


@settings(max_examples=5, deadline=None)
@given(
    gain_db=st.lists(st.floats(-120.0, 60.0), min_size=4, max_size=4),
    inverted=st.booleans(),
    delay=st.lists(st.integers(960, 9000), min_size=4, max_size=4),
    order=st.permutations([1, 2, 3]),
)
def test_gain_delay_and_order_of_positions_do_not_matter(plain, gain_db, inverted, delay, order):
    at = [0, *order]
    sign = -1.0 if inverted else 1.0
    moved = [np.r_[np.zeros(delay[k]), sign * 10 ** (gain_db[k] / 20) * ROOMS[k]] for k in at]
    taps = taps_of(moved, [f"p{k + 1}" for k in at])

    # Polarity is part of the phase that is corrected: what comes out is the same.
    np.testing.assert_allclose(sign * taps, plain, atol=SAME_FILTER)


def test_the_order_of_the_responses_does_not_choose_the_main_position(plain):
    at = [2, 0, 3, 1]
    samples = [np.r_[np.zeros(960), ROOMS[k]] for k in at]
    np.testing.assert_allclose(taps_of(samples, [f"p{k + 1}" for k in at]), plain, atol=EXACT)


@pytest.mark.parametrize("names", [["p10", "p2"], ["p2", "p10"]])
def test_p2_stands_before_p10(names):
    rooms = dict(zip(("p2", "p10"), ROOMS, strict=False))
    samples = [np.r_[np.zeros(960), rooms[n]] for n in names]
    swapped = [np.r_[np.zeros(960), rooms[n]] for n in ("p2", "p10")]
    wanted = taps_of(swapped, ["centre 1", "centre 2"])
    np.testing.assert_allclose(taps_of(samples, names), wanted, atol=EXACT)


@settings(max_examples=4, deadline=None)
@given(
    which=st.integers(0, 3),
    times=st.integers(1, 3),
    gain_db=st.floats(-40.0, 40.0),
    delay=st.integers(0, 2000),
)
def test_a_position_measured_twice_is_only_weight(which, times, gain_db, delay):
    responses = [
        ImpulseResponse(np.r_[np.zeros(960), x], FS, "L", f"p{k + 1}") for k, x in enumerate(ROOMS)
    ]
    double = np.r_[np.zeros(960 + delay), 10 ** (gain_db / 20) * ROOMS[which]]
    doubles = [ImpulseResponse(double, FS, "L", f"again {k}") for k in range(times)]
    weights = np.array([5.0, 1.0, 1.0, 1.0])
    weights[which] += times
    once = align(responses, FS, main_position="p1")
    heavier = replace(once, weights=weights / weights.sum())
    flat = target_curve("flat")

    twice = align([*responses, *doubles], FS, main_position="p1")
    np.testing.assert_allclose(twice.weights, heavier.weights, atol=EXACT)
    a, b = (speaker_filter(s, flat, SPEC, n_taps=N_TAPS).taps for s in (twice, heavier))
    np.testing.assert_allclose(a, b, atol=SAME_FILTER)


def test_one_position_twice_is_one_position():
    x = np.r_[np.zeros(960), ROOMS[0]]

    np.testing.assert_allclose(
        taps_of([x, x, 0.3 * x], ["p1", "p2", "p3"]), taps_of([x], ["p1"]), atol=SAME_FILTER
    )
